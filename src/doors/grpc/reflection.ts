import { type DescFile, type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { service as healthService } from "grpc-health-check";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";

/** Answers grpc.reflection v1 and v1alpha about the given services and health, from the descriptors in the generated code. */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const names = services.map(({ typeName }) => typeName);
  const key = names.join();
  const reflection = described.get(key) ?? describe(services, [...names, "grpc.health.v1.Health"]);
  described.set(key, reflection);
  reflection.addToServer(server);
}

// By names of services. The library needs 20 ms to read the descriptors again.
const described = new Map<string, ReflectionService>();

function describe(services: readonly DescService[], names: string[]): ReflectionService {
  const files = new Map<string, Buffer>();
  for (const { file } of services) collect(file, files);
  // No message refers to these types: they are details of errors.
  collect(file_google_rpc_error_details, files);
  const healthFiles = (healthService.Check?.requestType.fileDescriptorProtos ?? []).map(nameMapEntries);
  const definition = {
    latchkey: {
      format: "Protocol Buffer 3 DescriptorProto",
      type: {},
      fileDescriptorProtos: [...files.values(), ...healthFiles],
    },
  };
  const reflection = new ReflectionService(definition as unknown as PackageDefinition, { services: names });
  keepOptions(reflection, files);
  return reflection;
}

/** Collects a file and everything that it imports, by name. */
function collect(file: DescFile, into: Map<string, Buffer>): void {
  const name = file.proto.name;
  if (into.has(name)) return;
  into.set(name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  for (const dependency of file.dependencies) collect(dependency, into);
}

/** Gives map entries the name that the language requires, such as `StatusesEntry`. protobufjs uses only the field's name. */
function nameMapEntries(bytes: Uint8Array): Buffer {
  const file = fromBinary(FileDescriptorProtoSchema, bytes);
  for (const message of file.messageType) {
    for (const entry of message.nestedType.filter(({ name, options }) => options?.mapEntry && !name.endsWith("Entry"))) {
      for (const field of message.field.filter(({ typeName }) => typeName === entry.name))
        field.typeName = `${entry.name}Entry`;
      entry.name = `${entry.name}Entry`;
    }
  }
  return Buffer.from(toBinary(FileDescriptorProtoSchema, file));
}

/** A type of @grpc/proto-loader, which Latchkey does not depend on. The library reads only its `fileDescriptorProtos`. */
type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0];

type Implementation = { files?: Record<string, object>; fileEncodings?: Map<object, Uint8Array> } | undefined;

/**
 * Serves the files as they were compiled. The library reads them with protobufjs, which drops unknown options. Without this,
 * `grpcurl describe` would show neither access rules nor validation.
 */
function keepOptions(reflection: ReflectionService, files: ReadonlyMap<string, Buffer>): void {
  const { v1, v1Alpha } = reflection as unknown as { v1: Implementation; v1Alpha: Implementation };
  for (const implementation of [v1, v1Alpha]) {
    for (const [name, bytes] of files) {
      const file = implementation?.files?.[name];
      if (file !== undefined) implementation?.fileEncodings?.set(file, bytes);
    }
  }
}
