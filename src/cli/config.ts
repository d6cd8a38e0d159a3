import { describeSettings, type Env, type Files, type SettingInfo, type Topic } from "../config/settings.js";
import { escapeControls } from "../lib/escape.js";

/** Every setting with its purpose, defaults and the value in effect, for a terminal. */
export function formatSettings(env: Env, files: Files): string {
  const { mode, settings } = describeSettings(env, { files });
  const head =
    mode === null
      ? "LATCHKEY_MODE is not development or production, so defaults are shown for both. `latchkey doctor` says what is wrong with refused values."
      : `Settings in effect with LATCHKEY_MODE=${mode}.`;
  return [head, ...settings.map(formatSetting)].join("\n\n");
}

/** The tables of docs/configuration.md, one for each topic. */
export function formatMarkdown(files: Files): string {
  const { settings } = describeSettings({}, { files });
  const topics = [...new Set(settings.map(({ topic }) => topic))];
  return topics.map((topic) => formatTopic(topic, settings)).join("\n\n");
}

function formatTopic(topic: Topic, settings: readonly SettingInfo[]): string {
  const rows = settings
    .filter((setting) => setting.topic === topic)
    .map(({ name, purpose, unit, defaults }) => {
      const { development, production } = defaults;
      const shown = development === production ? development : `${development} / ${production}`;
      return `| \`${name}\` | ${[purpose, unit, shown].map(escapeCell).join(" | ")} |`;
    });
  return [
    `### ${topic}`,
    "",
    "| setting | purpose | format | default (development / production) |",
    "|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function formatSetting({ name, purpose, unit, defaults, value, inEffect }: SettingInfo): string {
  const shown = inEffect ?? bothModes(defaults);
  return [
    name,
    `  ${purpose}`,
    `  format      ${unit}`,
    `  default     ${bothModes(defaults)}`,
    `  value       ${escapeControls(shown) || "empty"}${value === null ? " (not set)" : ""}`,
  ].join("\n");
}

function bothModes({ development, production }: SettingInfo["defaults"]): string {
  return development === production ? development : `${development} (development), ${production} (production)`;
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
