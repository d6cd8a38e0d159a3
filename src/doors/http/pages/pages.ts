import type { PageName } from "../../../delivery/texts/pages.js";
import { AuthService } from "../../../gen/latchkey/v1/auth_service_pb.js";
import { notMePath, takeBackPath } from "../../../model/not-me.js";
import type { CallContext } from "../../../rpc/call-context.js";
import type { ServedService } from "../../../rpc/pipeline.js";
import { servedMethod } from "../call.js";

/** The served method that a page's button calls with the link's token. */
export type PageAct = (context: CallContext, request: { readonly token: string }) => Promise<unknown>;

interface Page {
  readonly path: string;
  readonly page: PageName;
  /** Undefined if the method is not served. */
  readonly act: PageAct | undefined;
}

/** The pages behind the links of messages. */
export function pagesOf(services: readonly ServedService[]): readonly Page[] {
  return [
    { path: notMePath, page: "notMe", act: servedMethod(services, AuthService.method.reportNotMe) },
    { path: takeBackPath, page: "takeBack", act: servedMethod(services, AuthService.method.takeBackContact) },
  ];
}
