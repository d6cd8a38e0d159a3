import { openSqlite } from "../../src/store/sqlite/sqlite.js";
import { issueOf, newChallenge, times } from "../store/contract/fixtures.js";

/** Issues challenges in the database of the first argument, and prints the id of each that is acknowledged, until it is killed. */
let running = 0;
const store = openSqlite({ path: process.argv[2]!, inFlight: () => running });

async function caller(): Promise<void> {
  for (;;) {
    const challenge = newChallenge();
    running += 1;
    await store.challenges.issue(issueOf(challenge));
    running -= 1;
    process.stdout.write(`${challenge.challengeId}\n`);
  }
}

await Promise.all(times(40, caller));
