import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>An app</title>
<link rel="icon" href="data:,">
<form id="send"><label>E-mail <input id="email" type="email"></label><button>Send code</button></form>
<form id="verify"><label>Code <input id="code" autocomplete="one-time-code"></label><button>Sign in</button></form>
<p id="who"></p>
<p id="trouble"></p>
<script type="module" src="/page.js"></script>
</html>
`;

/** Serves the app's page, with a script of the folder `page`, on a port of localhost: an origin of its own. */
export async function servePage(port: number, apiUrl: string, script = "page.ts"): Promise<() => Promise<void>> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../page/${script}`, import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    define: { API_URL: JSON.stringify(apiUrl) },
  });
  return await serve(port, html, outputFiles[0]!.contents);
}

/** Serves a page of one file. */
export async function serveHtml(port: number, text: string): Promise<() => Promise<void>> {
  return await serve(port, text, "");
}

async function serve(port: number, page: string, script: string | Uint8Array): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : page);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}
