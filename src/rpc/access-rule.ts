import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { access, Caller as CallerKind } from "../gen/latchkey/v1/access_pb.js";
import { isScope, type Scope } from "../model/scope.js";

/** Which callers may call a method. */
export interface AccessRule {
  readonly caller: CallerKind;
  /** The scope that a confidential client needs. Null: none. */
  readonly scope: Scope | null;
  /** Whether the user must have signed in recently. */
  readonly recent: boolean;
  /** Whether the method changes nothing, so that foreign web pages gain nothing by calling it. */
  readonly readOnly: boolean;
}

const scopedCallers: readonly CallerKind[] = [CallerKind.CLIENT, CallerKind.CONFIDENTIAL_CLIENT];

/** The access rule of a method. Throws if the method declares none or an impossible one, because every caller could then use it. */
export function accessRule(method: DescMethod): AccessRule {
  const name = `${method.parent.typeName}.${method.name}`;
  const rule = hasOption(method, access) ? getOption(method, access) : undefined;
  if (rule === undefined || rule.caller === CallerKind.UNSPECIFIED) {
    throw new Error(`${name} declares no access rule (option latchkey.v1.access)`);
  }
  const { caller, recent } = rule;
  if (recent && caller !== CallerKind.USER) throw new Error(`${name} asks for a recent sign-in but its callers are not users`);
  if (rule.scope !== "" && !scopedCallers.includes(caller)) {
    throw new Error(`${name} asks for a scope but its callers are not clients`);
  }
  if (rule.scope !== "" && !isScope(rule.scope)) throw new Error(`${name} asks for the unknown scope ${rule.scope}`);
  return {
    caller,
    scope: rule.scope === "" ? null : rule.scope,
    recent,
    readOnly: method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
  };
}
