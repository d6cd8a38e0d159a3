import { createEcmaScriptPlugin, runNodeJs } from "@bufbuild/protoplugin";
import { describeApi } from "./document.js";

/** The plugin of `buf generate` that writes `src/gen/openapi.json`. */
const plugin = createEcmaScriptPlugin({
  name: "protoc-gen-latchkey-openapi",
  version: "v1",
  generateTs({ files, generateFile }) {
    generateFile("openapi.json").print(JSON.stringify(describeApi(files), null, 2));
  },
});

runNodeJs(plugin);
