import { call } from './api-person.ts';

export interface OpenApiOperation {
  readonly security?: object[];
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>;
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
}

/** What a node says of its own API. */
export class OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, OpenApiOperation>>;

  private constructor({ openapi, paths }: Pick<OpenApi, 'openapi' | 'paths'>) {
    this.openapi = openapi;
    this.paths = paths;
  }

  static async of(url: string): Promise<OpenApi> {
    return new OpenApi((await call<Pick<OpenApi, 'openapi' | 'paths'>>(url, 'GET', '/v1/openapi.json')).body);
  }

  /** Undefined for what is no route. */
  operation(method: string, path: string): OpenApiOperation | undefined {
    const [bare = ''] = path.split('?');
    const route = Object.keys(this.paths).find((template) => patternOf(template).test(bare));
    return route === undefined ? undefined : this.paths[route]?.[method.toLowerCase()];
  }

  /** Error codes that a route is said to answer with this status. */
  codes(method: string, path: string, status: number): readonly string[] {
    const response = this.operation(method, path)?.responses[status];
    const schema = response?.content?.['application/problem+json']?.schema as
      | { readonly allOf: readonly [unknown, { readonly properties: { readonly code: { readonly enum: string[] } } }] }
      | undefined;
    return schema?.allOf[1].properties.code.enum ?? [];
  }
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/\{[a-z]+\}/gi, '[^/]+')}$`);
}
