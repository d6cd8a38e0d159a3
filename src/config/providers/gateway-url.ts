import type { Channel } from "../../model/channel.js";
import type { Gateway } from "../../model/gateway.js";
import { SettingError } from "../setting.js";
import { readGateway } from "./gateway/read-gateway.js";
import { type ProviderContext, splitProviderUrl } from "./provider-url.js";

/** A gateway and how it is reached. */
export interface GatewaySettings {
  readonly gateway: Gateway;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Whether http, and https with any certificate, may be used. */
  readonly insecure: boolean;
  /** Whether only public addresses may be called. */
  readonly publicOnly: boolean;
}

const form = "http-gateway:///path/to/gateway.json";

/** Reads `http-gateway:///path?ca=…&insecure=1` and the description it names. Throws SettingError. */
export function parseGatewayUrl(text: string, channel: Channel, context: ProviderContext): GatewaySettings {
  const { user, password, host, port, path, parameter } = splitProviderUrl(text, { form, known: ["ca", "insecure"] });
  const { readText, isProduction } = context;
  if (readText === null) {
    throw new SettingError("must not name a file of this machine: give the description of the gateway itself");
  }
  if (host !== "" || port !== null || user !== "" || password !== "") {
    throw new SettingError(`must be ${form}, with three slashes and no host: the path begins after the second slash`);
  }
  if (path === "" || path === "/") throw new SettingError(`must be ${form}: add the path of the description`);
  const allowsHttp = readInsecure(parameter("insecure"), isProduction);
  const ca = parameter("ca");
  const gateway = readGateway(readText(path), { ...context, allowsHttp });
  if (!gateway.channels.includes(channel)) {
    throw new SettingError(`must name a gateway for ${channel}: add "${channel}" to /channels of its description`);
  }
  return { gateway, insecure: allowsHttp, publicOnly: false, ...(ca === undefined ? {} : { ca: readText(ca) }) };
}

/**
 * Reads a description that comes over the network. It may use nothing of this machine and call public addresses only. The caller
 * checks its origins: http is for hosts that the operator allows.
 */
export function parseInlineGateway(text: string, channel: Channel, isProduction: boolean): GatewaySettings {
  const gateway = readGateway(text, { isProduction, readText: null, allowsHttp: true });
  if (!gateway.channels.includes(channel)) throw new SettingError(`must serve ${channel}: add "${channel}" to /channels`);
  return { gateway, insecure: false, publicOnly: true };
}

/** Reads `insecure=1`, which allows http. */
export function readInsecure(text: string | undefined, isProduction: boolean): boolean {
  if (text === undefined) return false;
  if (text !== "1") throw new SettingError("must have 1 as `insecure`, or none");
  if (isProduction) {
    throw new SettingError(
      "must not have insecure=1 in production, because codes would cross the network unencrypted: remove it",
    );
  }
  return true;
}

/** Returns the origins that a gateway calls, such as `https://api.example.com/`, for a check of their addresses. */
export function originsOfGateway({ request, check, oauth }: Gateway): readonly string[] {
  const urls = [request.url, check ?? []].flatMap(([first]) => (first !== undefined && "text" in first ? [first.text] : []));
  return [...new Set([...urls, ...(oauth === null ? [] : [oauth.tokenUrl])].map((url) => `${new URL(url).origin}/`))];
}
