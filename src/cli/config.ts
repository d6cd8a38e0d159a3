import { describeSettings, type Env, type Files, type SettingInfo } from "../config.js";
import { escapeControls } from "../escape.js";

/** Every setting with purpose, default and present value, for a terminal. */
export function formatSettings(env: Env, files: Files): string {
  return describeSettings(env, { files }).map(formatSetting).join("\n\n");
}

/** The table of the README. */
export function formatMarkdown(files: Files): string {
  const rows = describeSettings({}, { files }).map(({ name, purpose, unit, defaults: { development, production } }) => {
    const defaults = development === production ? development : `${development} / ${production}`;
    return `| \`${name}\` | ${[purpose, unit, defaults].map(escapeCell).join(" | ")} |`;
  });
  return ["| setting | what for | written as | default (development / production) |", "|---|---|---|---|", ...rows].join("\n");
}

function formatSetting({ name, purpose, unit, defaults: { development, production }, value }: SettingInfo): string {
  const defaults = development === production ? development : `${development} (development), ${production} (production)`;
  return [
    name,
    `  ${purpose}`,
    `  written as  ${unit}`,
    `  default     ${defaults}`,
    `  value       ${value === null ? "default" : escapeControls(value) || "empty"}`,
  ].join("\n");
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
