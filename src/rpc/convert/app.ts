import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { AppChanges } from "../../apps/update-app.js";
import {
  type AppSchema,
  AppState,
  DeliveryReportFormat,
  HookFailure,
  type TestIdentifierSchema,
} from "../../gen/latchkey/v1/app_pb.js";
import type { UpdateAppRequest } from "../../gen/latchkey/v1/app_service_pb.js";
import type * as apps from "../../model/app.js";
import type { AppRecord } from "../../model/app.js";
import type { TestIdentifier } from "../../model/test-identifier.js";
import { keyOf } from "./enums.js";
import { toPolicy } from "./policy.js";
import { toRouting } from "./routing.js";
import { toWording } from "./wording.js";

const states = { active: AppState.ACTIVE, archived: AppState.ARCHIVED } satisfies Record<apps.AppState, AppState>;

const formats = {
  latchkey: DeliveryReportFormat.LATCHKEY,
  beem: DeliveryReportFormat.BEEM,
} satisfies Record<apps.ReportFormat, DeliveryReportFormat>;

export function toApp(app: AppRecord): MessageInitShape<typeof AppSchema> {
  return {
    appId: app.appId,
    number: app.number,
    poolId: app.poolId,
    displayName: app.displayName,
    logoUrl: app.logoUrl,
    supportAddress: app.supportAddress,
    allowedOrigins: [...app.allowedOrigins],
    audience: app.audience,
    policy: toPolicy(app.policy),
    state: states[app.state],
    createdAt: timestampFromMs(app.createdAt),
    registrationHook: app.registrationHook === null ? undefined : toRegistrationHook(app.registrationHook),
    deliveryReportHook: app.deliveryReportHook === null ? undefined : toReportHook(app.deliveryReportHook),
    roles: [...app.roles],
    ownerOrganization: app.ownerOrganization,
    wording: toWording(app.wording),
    routing: toRouting(app),
  };
}

export function toTestIdentifier({ pattern, code, endsAt }: TestIdentifier): MessageInitShape<typeof TestIdentifierSchema> {
  return { pattern, code, endsAt: timestampFromMs(endsAt) };
}

function toReportHook({ url, format = "latchkey" }: apps.DeliveryReportHook) {
  return { url, format: formats[format] };
}

/** Returns the format of a request. A request without one means Latchkey's own. */
export function fromReportFormat(format: DeliveryReportFormat): apps.ReportFormat {
  return keyOf(formats, format) ?? "latchkey";
}

function toRegistrationHook({ url, failOpen }: apps.RegistrationHook) {
  return { url, onFailure: failOpen ? HookFailure.ALLOW : HookFailure.REFUSE };
}

/** Returns the values that the mask names. A state that is named and unset is active. */
export function fromUpdateApp(request: UpdateAppRequest): AppChanges {
  const named = (path: string): boolean => request.updateMask?.paths.includes(path) === true;
  return {
    ...(named("display_name") && { displayName: request.displayName }),
    ...(named("logo_url") && { logoUrl: request.logoUrl }),
    ...(named("support_address") && { supportAddress: request.supportAddress }),
    ...(named("allowed_origins") && { allowedOrigins: request.allowedOrigins }),
    ...(named("audience") && { audience: request.audience }),
    ...(named("roles") && { roles: request.roles }),
    ...(named("state") && { state: keyOf(states, request.state) ?? "active" }),
  };
}
