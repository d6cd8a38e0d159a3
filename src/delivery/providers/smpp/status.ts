import smpp from "smpp";
import { addressRefused } from "../../../outbound/checked-lookup.js";
import { resultOfMeaning } from "../../meaning.js";
import type { DeliveryFailure } from "../../provider.js";
import { isTlsError } from "../../tls-error.js";

const { errors } = smpp;
const names = new Map(Object.entries(errors).map(([name, status]) => [status, name]));

/** Returns the name of a command_status in SMPP 3.4 §5.1.3, or its hexadecimal number. */
export function statusName(status: number): string {
  return names.get(status) ?? `0x${status.toString(16).padStart(8, "0")}`;
}

const statuses = (...list: readonly string[]): ReadonlySet<number> => new Set(list.map((name) => errors[name]!));

const ofRecipient = statuses(
  "ESME_RINVDSTADR",
  "ESME_RINVDSTTON",
  "ESME_RINVDSTNPI",
  "ESME_RINVNUMDESTS",
  "ESME_RX_P_APPN",
  "ESME_RX_R_APPN",
);
const ofMessage = statuses("ESME_RINVMSGLEN", "ESME_RINVESMCLASS", "ESME_RINVEXPIRY", "ESME_RINVDCS");
const ofSender = statuses("ESME_RINVSRCADR", "ESME_RINVSRCTON", "ESME_RINVSRCNPI", "ESME_RINVSERTYP");
const ofSession = statuses("ESME_RINVBNDSTS", "ESME_RINVCMDID", "ESME_RINVCMDLEN", "ESME_RSYSERR", "ESME_RPROHIBITED");
const ofLogin = statuses("ESME_RBINDFAIL", "ESME_RINVPASWD", "ESME_RINVSYSID", "ESME_RINVSYSTYP");

/** Classifies a refusal of submit_sm. Statuses that only a vendor knows are tried again. */
export function resultOfRefusal(status: number): DeliveryFailure {
  const name = statusName(status);
  if (ofRecipient.has(status)) return { kind: "permanent", detail: `recipient refused (${name})` };
  if (ofMessage.has(status)) return { kind: "permanent", detail: `message refused (${name})` };
  if (ofSession.has(status)) return { kind: "unavailable", detail: `the message center can't take messages now (${name})` };
  if (ofSender.has(status)) {
    const advice = "check `from`, `ton`, `npi` and `service_type` in its URL";
    return resultOfMeaning("sender_refused", `the message center refused the sender (${name}): ${advice}`);
  }
  return { kind: "temporary", detail: `deferred by the message center (${name})` };
}

/** Classifies a refusal of bind_transceiver. */
export function resultOfBindRefusal(status: number): DeliveryFailure {
  const name = statusName(status);
  if (status === errors.ESME_RALYBND) {
    const detail = `the message center has a session of this system id already (${name}): it may be the running service's`;
    return { kind: "unavailable", detail };
  }
  if (!ofLogin.has(status)) return { kind: "unavailable", detail: `the message center accepts no session now (${name})` };
  const advice = "check the system id, the password and `system_type` in its URL";
  return resultOfMeaning("misconfigured", `the message center refused the login (${name}): ${advice}`);
}

/** Classifies a connection that could not be made. `code` is the error code of Node.js or OpenSSL, such as `ECONNREFUSED`. */
export function resultOfNoConnection(code: string): DeliveryFailure {
  if (isTlsError(code)) {
    const advice = "write the host as in its certificate, or name its authority with `ca` in its URL";
    return resultOfMeaning("misconfigured", `no trusted TLS connection to the message center (${code}): ${advice}`);
  }
  if (code === addressRefused) {
    const advice = "allow it in LATCHKEY_OUTBOUND_ALLOWED or correct the host";
    return resultOfMeaning("misconfigured", `the message center's host is not at a public address: ${advice}`);
  }
  const advice = "check that it is running, and the host and port in its URL";
  return { kind: "unavailable", detail: `the message center can't be reached (${code}): ${advice}` };
}
