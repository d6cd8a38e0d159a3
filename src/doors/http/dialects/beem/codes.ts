/** Beem's codes and what they say. There is no 105. */
const messages = {
  100: "SMS sent successfully",
  101: "Failed to send SMS",
  102: "Invalid phone number",
  103: "Phone number missing",
  104: "Application id missing",
  106: "Application not found",
  107: "Application inactive",
  108: "No channel found",
  110: "Username or password missing",
  111: "Pin missing",
  112: "Pin id missing",
  113: "Pin id not found",
  114: "Incorrect Pin",
  115: "Pin timeout",
  116: "Attempts exceeded",
  117: "Valid Pin",
  118: "Duplicate Pin",
} as const;

export type BeemCode = keyof typeof messages;

/** An answer with a code. `message` replaces Beem's words where they do not say enough. */
export function coded(code: BeemCode, message: string = messages[code]) {
  return { data: { message: { code, message } } };
}
