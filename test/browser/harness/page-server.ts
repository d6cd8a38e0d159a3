import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const pageScript = fileURLToPath(new URL("../page/page.ts", import.meta.url));

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

/** Serves the app's page on a port of localhost: an origin of its own. */
export async function servePage(port: number, apiUrl: string): Promise<() => Promise<void>> {
  const { outputFiles } = await build({
    entryPoints: [pageScript],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    define: { API_URL: JSON.stringify(apiUrl) },
  });
  const script = outputFiles[0]!.contents;
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : html);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}
