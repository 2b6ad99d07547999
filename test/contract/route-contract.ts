import { isDeepStrictEqual } from 'node:util';
import { operationsOf } from '../../src/api/docs/operations.ts';
import { checkerOf } from './schemas.ts';
import { bodyOf, wrongRequests } from './wrong-requests.ts';
import type { ApiDescription, Operation } from '../../src/api/docs/operations.ts';
import type { JsonSchema } from '../../src/api/docs/json-schema.ts';
import type { OpenApi } from '../../src/testing/open-api.ts';
import type { GoodRequest, RouteCase } from './route-case.ts';
import type { Stage } from './stage.ts';
import type { WrongRequest } from './wrong-requests.ts';

interface Heard {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly body: unknown;
}

type Raw = Record<string, Record<string, { parameters?: { name: string; in: string; schema: JsonSchema }[] }>>;

const PROBLEM: JsonSchema = { $ref: '#/components/schemas/Problem' };
const SHOWN_MAX = 500;
const HEADERS = ['parley-term', 'parley-commit', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'];
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** Says something else each time, whatever is answered. */
const PASSING = new Set(['cursor', 'requestId']);

/** One route, held to what is said of it. */
export class RouteContract {
  readonly #stage: Stage;
  readonly #description: ApiDescription & object;
  readonly #document: OpenApi;
  readonly #broken: string[] = [];

  constructor(stage: Stage, description: ApiDescription & object, document: OpenApi) {
    this.#stage = stage;
    this.#description = description;
    this.#document = document;
  }

  /** @returns what is not as it is said to be, a line each */
  async broken(name: string, routeCase: RouteCase): Promise<readonly string[]> {
    this.#broken.length = 0;
    const operation = this.#operation(name);
    const good = await routeCase(this.#stage);
    const token = good.token ?? this.#tokenFor(operation);
    for (const wrong of this.#wrong(operation, good)) await this.#isRefused(operation, wrong, token, good.url);
    const first = await this.#isAnswered(operation, good, token);
    if (good.endless !== true) await this.#canBeRepeated(operation, good, token, first);
    return this.#broken;
  }

  #expect(holds: boolean, sentence: string): void {
    if (!holds) this.#broken.push(sentence);
  }

  #operation(name: string): Operation {
    const found = operationsOf(this.#description).find(({ method, path }) => `${method} ${path}` === name);
    if (found === undefined) throw new Error(`${name} is no route.`);
    return found;
  }

  #tokenFor({ security }: Operation): string | null {
    if (security === null) return null;
    return security === 'admin' ? this.#stage.adminToken : this.#stage.ada.token;
  }

  #wrong(operation: Operation, good: GoodRequest): WrongRequest[] {
    const { method, path, body, contentType, security } = operation;
    const raw = (this.#description.paths as unknown as Raw)[path]![method.toLowerCase()]!;
    const queries = (raw.parameters ?? []).filter((parameter) => parameter.in === 'query');
    const asGood = { path: good.path, ...bodyOf(good.json, good.bytes) };
    const wrong = wrongRequests({ path, body, contentType, queries }, good);
    if (security !== null) {
      wrong.push({ ...asGood, what: 'without a token', token: null, codes: ['unauthenticated'] });
      wrong.push({
        ...asGood,
        what: 'with a forged token',
        token: `p1.S${'a'.repeat(26)}.${'A'.repeat(43)}`,
        codes: ['unauthenticated'],
      });
    }
    if (security === 'admin') {
      wrong.push({ ...asGood, what: 'of who is no admin', token: this.#stage.bob.token, codes: ['forbidden'] });
    }
    if (security === 'session') {
      wrong.push({ ...asGood, what: 'with an admin token', token: this.#stage.adminToken, codes: ['unauthenticated'] });
    }
    if (path.includes('/rooms/{room}') && security === 'session') {
      wrong.push({
        ...asGood,
        what: 'of who is not in the room',
        token: this.#stage.carl.token,
        codes: OUTSIDER_CODES,
        method,
      });
    }
    if (good.deniedTo !== undefined) {
      wrong.push({ ...asGood, what: 'of who may not', token: good.deniedTo, codes: operation.errors });
    }
    const missing = METHODS.find((other) => this.#document.operation(other, good.path) === undefined);
    if (missing !== undefined) wrong.push({ ...asGood, what: missing, method: missing, codes: ['method_not_allowed'] });
    // Joining is for those who are outside.
    return path.endsWith('/join') ? wrong.filter(({ what }) => what !== 'of who is not in the room') : wrong;
  }

  async #isRefused(operation: Operation, wrong: WrongRequest, token: string | null, url?: string): Promise<void> {
    const asked = wrong.token === undefined ? token : wrong.token;
    const { status, type, body, headers } = await this.#ask(wrong.method ?? operation.method, wrong, asked, url);
    const where = `${wrong.what}: answered ${status} ${JSON.stringify(body)}`;
    const problem = body as { code: string; status: number; data?: { field?: string } };
    this.#expect(type === 'application/problem+json' && status >= 400 && status < 500, `${where}, no refusal`);
    if (type !== 'application/problem+json') return;
    this.#expect(wrong.codes.includes(problem.code), `${where}, not ${wrong.codes.join(' or ')}`);
    this.#expect(problem.status === status, `${where}, of another status`);
    const field = (problem.data?.field ?? 'none').split('.')[0];
    this.#expect(wrong.field === undefined || field === wrong.field, `${where}, not for ${wrong.field}`);
    if (problem.code === 'method_not_allowed') {
      this.#expect(headers.get('allow')?.includes(operation.method) === true, `${where}, without Allow`);
    } else {
      const codes = this.#document.codes(operation.method, operation.path, status);
      this.#expect(codes.includes(problem.code), `${where}, of which the description says nothing`);
    }
    for (const line of checkerOf(PROBLEM, this.#description)(body)) this.#expect(false, `${where}: ${line}`);
  }

  async #isAnswered(operation: Operation, good: GoodRequest, token: string | null): Promise<Heard> {
    const request = { path: good.path, ...bodyOf(good.json, good.bytes) };
    const heard = await this.#ask(operation.method, request, token, good.url, good.endless);
    const where = `answered ${heard.status} ${heard.type} ${JSON.stringify(heard.body).slice(0, SHOWN_MAX)}`;
    this.#expect(heard.status === 200, where);
    const content = this.#content(operation, 200, heard.type);
    this.#expect(content !== undefined, `${where}, of which the description says nothing`);
    if (heard.type === 'application/json' && content?.schema !== undefined) {
      for (const line of checkerOf(content.schema, this.#description)(heard.body))
        this.#expect(false, `${where}: ${line}`);
    }
    for (const header of good.endless === true ? [] : HEADERS) {
      this.#expect(/^\d+$/.test(heard.headers.get(header) ?? ''), `${where}, without ${header}`);
    }
    return heard;
  }

  /** Whoever is in doubt asks again: reads can be repeated, and changes are made once. */
  async #canBeRepeated(operation: Operation, good: GoodRequest, token: string | null, first: Heard): Promise<void> {
    const request = { path: good.path, ...bodyOf(good.json, good.bytes) };
    const again = await this.#ask(operation.method, request, token, good.url);
    const where = `again: answered ${again.status} ${JSON.stringify(again.body).slice(0, SHOWN_MAX)}`;
    if (good.repeats === 'refused') {
      this.#expect(again.status >= 400 && again.status < 500, where);
      return;
    }
    this.#expect(again.status === 200, where);
    if (good.repeats === 'not-the-same' || operation.method === 'GET') return;
    this.#expect(
      isDeepStrictEqual(lasting(again.body), lasting(first.body)),
      `${where}, not ${JSON.stringify(first.body)}`,
    );
  }

  #content({ method, path }: Operation, status: number, type: string): { schema?: JsonSchema } | undefined {
    const responses = this.#document.operation(method, path)?.responses;
    return responses?.[status]?.content?.[type];
  }

  async #ask(
    method: string,
    request: { path: string; body?: string | Uint8Array; contentType?: string },
    token: string | null,
    url = this.#stage.url,
    endless = false,
  ): Promise<Heard> {
    const ended = new AbortController();
    const response = await fetch(url + request.path, {
      method,
      signal: ended.signal,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
      },
      ...(method === 'GET' || request.body === undefined ? {} : { body: request.body as string }),
    });
    const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
    const { status, headers } = response;
    if (endless && status === 200) {
      ended.abort();
      return { status, type, headers, body: null };
    }
    const text = await response.text();
    return { status, type, headers, body: type.endsWith('json') && !type.includes('ndjson') ? JSON.parse(text) : text };
  }
}

/** Whoever is outside learns nothing but that there is no such room, or that what was signed is another's. */
const OUTSIDER_CODES = ['no_such_room', 'no_such_blob', 'invalid_envelope', 'invalid_signature'];

const lasting = (body: unknown): unknown =>
  typeof body === 'object' && body !== null
    ? Object.fromEntries(Object.entries(body).filter(([name]) => !PASSING.has(name)))
    : body;
