// A tool's input schema as rows a person can read. JSON Schema is open-ended, so what is not understood is left to the
// raw view and never throws.

import type { JsonValue } from "./bindings";

export type Property = { name: string; type: string; required: boolean; description: string | null };

type JsonObject = Record<string, JsonValue>;

export function propertiesOf(schema: JsonValue): Property[] {
  if (!isObject(schema) || !isObject(schema["properties"])) return [];
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries(schema["properties"]).map(([name, property]) => ({
    name,
    type: typeOf(property),
    required: required.includes(name),
    description:
      isObject(property) && typeof property["description"] === "string" ? property["description"] : null,
  }));
}

function typeOf(schema: JsonValue | undefined, depth = 0): string {
  if (!isObject(schema) || depth > 4) return "any";
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema["const"]);
  const alternatives = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(alternatives)) return alternatives.map((each) => typeOf(each, depth + 1)).join(" | ");
  const { type } = schema;
  if (type === "array") return `${typeOf(schema["items"], depth + 1)}[]`;
  if (Array.isArray(type)) return type.join(" | ");
  return typeof type === "string" ? type : "any";
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
