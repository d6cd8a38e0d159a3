import type { Page, PageRequest } from "../../apps/page.js";

/** Reads all pages of a list. */
export async function allPages<T>(read: (page: PageRequest) => Promise<Page<T>>): Promise<readonly T[]> {
  const found: T[] = [];
  let pageToken = "";
  do {
    const { items, nextPageToken } = await read({ pageSize: 100, pageToken });
    found.push(...items);
    pageToken = nextPageToken;
  } while (pageToken !== "");
  return found;
}
