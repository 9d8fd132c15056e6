export { checkDepth, type FieldPath, type ReadText, readJson } from "./json.ts";
export { parseYaml, type YamlDocument, type YamlFault, type YamlText } from "./yaml.ts";
export { YAML_BYTES_MAX, YamlReader, type YamlReaderOptions } from "./yaml-reader.ts";
