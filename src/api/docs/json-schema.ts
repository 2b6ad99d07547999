/** As much of JSON Schema (2020-12) as the schemas of this API use. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | object | undefined;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

export interface FieldRow {
  /** `members[].account`: where it stands. */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

const DEPTH_MAX = 4;

/** What a reader wants to know of an object: one row for each field, those within fields below them. */
export function fieldsOf(schema: JsonSchema, prefix = '', depth = 0): FieldRow[] {
  if (depth >= DEPTH_MAX) return [];
  const rows: FieldRow[] = [];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const path = prefix + name;
    const required = schema.required?.includes(name) ?? false;
    rows.push({ path, type: typeOf(field), required, description: field.description ?? '' });
    for (const [inner, suffix] of within(field)) rows.push(...fieldsOf(inner, path + suffix, depth + 1));
  }
  return rows;
}

/** The objects that a field holds, however it holds them. */
function within(field: JsonSchema): [JsonSchema, string][] {
  if (field.properties !== undefined) return [[field, '.']];
  if (field.anyOf !== undefined) return field.anyOf.flatMap(within);
  const { items } = field;
  if (items === undefined) return [];
  const kinds = Array.isArray(items) ? (items as readonly JsonSchema[]) : [items as JsonSchema];
  return kinds.flatMap((item) => within(item).map(([inner, suffix]): [JsonSchema, string] => [inner, `[]${suffix}`]));
}

export function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeOf))].join(' | ');
  if (schema.type === 'array') return arrayType(schema);
  const type = typeof schema.type === 'string' ? schema.type : (schema.type ?? ['anything']).join(' | ');
  const bounds = boundsOf(schema);
  return bounds === '' ? type : `${type}, ${bounds}`;
}

function arrayType({ items, maxItems }: JsonSchema): string {
  const kinds = Array.isArray(items) ? (items as readonly JsonSchema[]) : [(items ?? {}) as JsonSchema];
  const inner = [...new Set(kinds.map(typeOf))].join(', ');
  return `[${inner}]${maxItems === undefined ? '' : `, at most ${maxItems}`}`;
}

function boundsOf({ minimum, maximum, minLength, maxLength, pattern }: JsonSchema): string {
  const highest = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (minimum !== undefined && highest !== undefined) return `${minimum} to ${highest}`;
  if (minimum !== undefined) return `from ${minimum}`;
  if (highest !== undefined) return `up to ${highest}`;
  if (pattern !== undefined && pattern.length <= PATTERN_SHOWN_MAX) return pattern;
  if (minLength !== undefined && minLength === maxLength) return `${minLength} characters`;
  return maxLength === undefined ? '' : `up to ${maxLength} characters`;
}

const PATTERN_SHOWN_MAX = 40;
