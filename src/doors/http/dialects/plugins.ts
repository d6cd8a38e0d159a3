import { beem } from "./beem/plugin.js";
import { biot } from "./biot/plugin.js";
import { bridgekeeper } from "./bridgekeeper/plugin.js";
import { camara } from "./camara/plugin.js";
import type { DialectDefinition } from "./dialect.js";
import { solidx } from "./solidx/plugin.js";
import { supabase } from "./supabase/plugin.js";
import { transmit } from "./transmit/plugin.js";
import { twilio } from "./twilio/plugin.js";
import { vonage } from "./vonage/plugin.js";

/** All dialects, in the order of the documentation. */
export const dialectDefinitions: readonly DialectDefinition[] = [
  biot,
  bridgekeeper,
  solidx,
  transmit,
  beem,
  twilio,
  supabase,
  vonage,
  camara,
];
