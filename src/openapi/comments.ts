import type { DescEnum, DescEnumValue, DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";

type Commented = DescEnum | DescEnumValue | DescField | DescMessage | DescMethod | DescService;

/** The comment before a declaration, with its line breaks removed, except those before an example. */
export function commentOf(desc: Commented): string {
  const lines = (getComments(desc).leading ?? "").split("\n").map((line) => line.trim());
  return lines.join(" ").replaceAll(" Example:", "\nExample:").trim();
}
