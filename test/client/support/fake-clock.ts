/** A clock that stands still until it is moved. */
export function createFakeClock(start = Date.UTC(2030, 0, 1)) {
  let now = start;
  return Object.assign(() => now, {
    advance(ms: number) {
      now += ms;
    },
  });
}
