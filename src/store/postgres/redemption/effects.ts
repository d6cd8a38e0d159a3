import type { Purpose } from "../../../model/challenge.js";
import { changeContact } from "./change-contact.js";
import { consumeFunction } from "./consume.js";
import type { Effect } from "./effect.js";
import { login } from "./login.js";
import { personFunctions } from "./person.js";
import { registration } from "./registration.js";
import { signInFunctions } from "./sign-in.js";
import { testEffects, testSignInFunctions } from "./test-sign-in.js";
import { verifyContact } from "./verify-contact.js";

/** The effect of each purpose. A new purpose is one file and one line here. */
export const effects: Readonly<Record<Purpose, Effect>> = {
  login,
  registration,
  verify_contact: verifyContact,
  change_contact: changeContact,
};

export const redemptionFunctions: string = [
  consumeFunction(effects, testEffects),
  personFunctions,
  signInFunctions,
  ...Object.values(effects).map(({ functions }) => functions),
  testSignInFunctions,
].join("");
