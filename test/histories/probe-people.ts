import type { Todo } from "./plan.js";
import type { World } from "./world.js";

/** Looks at every member and every contact in both apps, each at another process: what was answered must be seen. */
export async function probePeople(
  { members, identifiers }: World,
  make: (todo: Todo, process: number) => Promise<unknown>,
): Promise<void> {
  await Promise.all([
    ...members.map((_, member) => make({ kind: "get", member }, member)),
    ...identifiers.flatMap((_, contact) => [
      make({ kind: "find", app: "default", contact }, contact),
      make({ kind: "find", app: "other", contact }, contact + 1),
    ]),
  ]);
}
