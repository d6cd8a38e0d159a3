/** What a caller waits when it was turned away; no RetryInfo of Latchkey's says less. */
export const retryMs = 100;

const detailsOf = (error) => error.metadata?.get("grpc-status-details-bin")[0]?.toString("latin1") ?? "";

/** Whether the server turned a call away for having too much to do. */
export const isOverloaded = (error) => detailsOf(error).includes("OVERLOADED");

export const hasRetryInfo = (error) => detailsOf(error).includes("google.rpc.RetryInfo");
