import type { FieldRow, JsonSchema } from './json-schema.ts';
import { typeOf } from './json-schema.ts';

/** As much of an OpenAPI 3.1 document as the page shows. */
export interface ApiDescription {
  readonly info: { readonly version: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
}

type Content = Readonly<Record<string, { readonly schema?: JsonSchema }>>;

interface DescribedOperation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>;
}

/** What a request has to carry, the least common where there is a choice. */
export type Needed = 'session' | 'grant' | 'admin';

export interface Operation {
  readonly tag: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly security: Needed | null;
  readonly parameters: readonly FieldRow[];
  readonly body: JsonSchema | undefined;
  readonly contentType: string | undefined;
  readonly answer: JsonSchema | undefined;
  /** Codes of problems, those of every route too. */
  readonly errors: readonly string[];
}

/** All routes, in the order in which they were described. */
export function operationsOf({ paths = {} }: ApiDescription): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => operationOf(method, path, described)),
  );
}

function operationOf(method: string, path: string, described: DescribedOperation): Operation {
  const { tags = ['other'], summary = '', description = '', parameters = [], requestBody, responses = {} } = described;
  const [contentType, body] = Object.entries(requestBody?.content ?? {})[0] ?? [undefined, undefined];
  return {
    tag: tags[0]!,
    method: method.toUpperCase(),
    path,
    summary,
    description,
    security: securityOf(described.security),
    parameters: parameters.map((parameter) => ({
      path: parameter.in === 'path' ? `{${parameter.name}}` : `?${parameter.name}=`,
      type: typeOf(parameter.schema),
      required: parameter.required === true,
      description: parameter.description ?? parameter.schema.description ?? '',
    })),
    body: body?.schema,
    contentType,
    answer: responses['200']?.content?.['application/json']?.schema,
    errors: [...new Set(Object.values(responses).flatMap(codesOf))].toSorted(),
  };
}

function securityOf(security: DescribedOperation['security']): Operation['security'] {
  if (security === undefined || security.length === 0) return null;
  const has = (scheme: Needed): boolean => security.some((one) => scheme in one);
  return has('admin') ? 'admin' : has('grant') ? 'grant' : 'session';
}

function codesOf({ content }: { readonly content?: Content }): string[] {
  const schema = content?.['application/problem+json']?.schema;
  const codes = schema?.allOf?.[1]?.properties?.['code']?.enum ?? [];
  return codes.map(String);
}
