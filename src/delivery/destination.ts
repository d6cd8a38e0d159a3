/**
 * The forms of canonical contacts. Providers send to nothing else, so no destination can end a line, add a recipient or change a
 * request.
 */
const phonePattern = /^\+[1-9]\d{5,14}$/;
const emailPattern = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9.-]{1,255}$/;

export function isPhone(destination: string): boolean {
  return phonePattern.test(destination);
}

export function isEmail(destination: string): boolean {
  return emailPattern.test(destination);
}

/** The domain of a sender may have capital letters: the operator wrote it. */
export function isSender(address: string): boolean {
  return new RegExp(emailPattern, "i").test(address);
}
