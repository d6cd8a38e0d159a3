import { AjvCompiler } from "@fastify/ajv-compiler";
import { SerializerSelector } from "@fastify/fast-json-stringify-compiler";
import type { FastifyServerOptions } from "fastify";

/**
 * Compiles each schema when the first value for it comes. Compiling those of all dialects at start takes 200 ms of CPU in every
 * process, and most servers never answer most of the routes.
 */
export function lazySchemas(): FastifyServerOptions["schemaController"] {
  const [buildValidator, buildSerializer] = [AjvCompiler(), SerializerSelector()];
  return {
    compilersFactory: {
      buildValidator(schemas, options) {
        const compile = buildValidator(schemas, options);
        return (route) => {
          const validator = once(() => compile(route));
          // Fastify takes the errors from the answer, because the function that it calls is not the one that has them.
          const validate = (data: unknown) => validator()(data) || { error: validator().errors };
          return validate as ReturnType<typeof compile>;
        };
      },
      buildSerializer(schemas, options) {
        const compile = buildSerializer(schemas, options);
        return (route) => {
          const serializer = once(() => compile(route));
          return (data) => serializer()(data);
        };
      },
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
