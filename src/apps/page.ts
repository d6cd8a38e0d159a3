import type { PageQuery } from "../store/port/apps.js";

/** A page that a caller asks for. */
export interface PageRequest {
  /** 0: the default, 50. */
  readonly pageSize: number;
  /** `nextPageToken` of the page before. Empty: the first page. */
  readonly pageToken: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty: this is the last page. */
  readonly nextPageToken: string;
}

const sizeDefault = 50;

/** Answers may be 256 KiB large. Records become at most a third longer there. */
const charactersMax = 128 * 1024;

/** The rows of a page, and one more that says whether others follow. */
export function rowsOf(request: PageRequest): PageQuery {
  return { after: request.pageToken, limit: sizeOf(request) + 1 };
}

/** Cuts a page from its rows: at the wanted size, or earlier if the records are large. It has at least one record. */
export function pageOf<T>(rows: readonly T[], request: PageRequest, idOf: (item: T) => string): Page<T> {
  let characters = 0;
  let count = 0;
  for (const row of rows.slice(0, sizeOf(request))) {
    characters += JSON.stringify(row).length;
    if (count > 0 && characters > charactersMax) break;
    count += 1;
  }
  const items = rows.slice(0, count);
  const last = items.at(-1);
  return { items, nextPageToken: last === undefined || count === rows.length ? "" : idOf(last) };
}

function sizeOf({ pageSize }: PageRequest): number {
  return pageSize === 0 ? sizeDefault : pageSize;
}
