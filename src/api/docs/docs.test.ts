import { createHash } from 'node:crypto';
import specs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../../protocol/errors.ts';
import { CLIENT_FRAMES, SERVER_FRAMES } from '../../protocol/http/frames.ts';
import { call } from '../../testing/api-person.ts';
import { LocalChatNode } from '../../testing/local-chat-node.ts';
import { OpenApi } from '../../testing/open-api.ts';
import { serveForTest } from '../test-server.ts';
import { curlLine } from './examples.ts';
import { fieldsOf, typeOf } from './json-schema.ts';
import type { TestServer } from '../test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await serveForTest(new LocalChatNode({ url: () => server?.url ?? null }));
});
afterAll(() => server.close(1_000));

const json = async <T>(path: string): Promise<T> => (await call<T>(server.url, 'GET', path)).body;

describe('the description for programs', () => {
  it('is OpenAPI 3.1, by the schema of that standard', async () => {
    const result = await new Validator().validate(await json<object>('/v1/openapi.json'));
    expect(result).toEqual({ valid: true });
  });

  it('holds schemas that are those of its version of JSON Schema, every one', async () => {
    const document = await json<{ paths: object }>('/v1/openapi.json');
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    let schemas = 0;
    JSON.stringify(document.paths, (key, value: unknown) => {
      if (key !== 'schema') return value;
      schemas += 1;
      expect(ajv.validateSchema(value as object), JSON.stringify(value)).toBe(true);
      return null;
    });
    expect(schemas).toBeGreaterThan(200);
  });

  it('is AsyncAPI 3.0, by the schema of that standard', async () => {
    const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: false });
    const validate = ajv.compile(specs.schemasWithoutId['3.0.0'] as object);
    const document = await json<object>('/v1/asyncapi.json');
    expect([validate(document), validate.errors ?? []]).toEqual([true, []]);
    // It is a schema that refuses something.
    expect(validate({ ...document, channels: { feed: { adress: '/v1/ws' } } })).toBe(false);
  });

  it('has every frame with the schema that checks it, and points to nothing that is not there', async () => {
    const document = await json<{
      components: { messages: Record<string, { name: string; payload: object }> };
      operations: Record<string, { action: string }>;
      servers: Record<string, { host: string; protocol: string }>;
    }>('/v1/asyncapi.json');
    const { messages } = document.components;
    for (const [type, schema] of Object.entries(SERVER_FRAMES)) {
      expect(messages[type]).toMatchObject({ name: type, payload: JSON.parse(JSON.stringify(schema)) as object });
    }
    const said = Object.entries(CLIENT_FRAMES);
    for (const [type, schema] of said) {
      const payload = JSON.parse(JSON.stringify(schema)) as object;
      expect(Object.values(messages)).toContainEqual(expect.objectContaining({ name: type, payload }));
    }
    expect(Object.keys(messages)).toHaveLength(said.length + Object.keys(SERVER_FRAMES).length);
    const taken = Object.values(document.operations).filter(({ action }) => action === 'receive');
    expect(taken).toHaveLength(said.length);
    expect(document.servers['n1']).toEqual({ host: new URL(server.url).host, protocol: 'ws' });
    for (const [, pointer] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = pointer!.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
      expect([pointer, typeof found]).toEqual([pointer, 'object']);
    }
  });
});

describe('the description for people', () => {
  it('runs nothing, fetches nothing, and has the one style that it may have', async () => {
    const answer = await fetch(`${server.url}/docs`);
    const html = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = answer.headers.get('content-security-policy')!;
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(html).not.toMatch(/<script|<link|<img| on[a-z]+=|style="| src=|@import|url\(/);
    for (const [, href] of html.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^(#|\/v1\/)/);
    for (const [, anchor] of html.matchAll(/href="#([^"]*)"/g)) expect(html).toContain(`id="${anchor}"`);
  });

  it('shows every route, frame and error code', async () => {
    const html = await (await fetch(`${server.url}/docs`)).text();
    const { paths } = await OpenApi.of(server.url);
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods)) {
        expect(html).toContain(`<span class="method">${method.toUpperCase()}</span> <code>${path}</code>`);
      }
    }
    for (const type of Object.keys(CLIENT_FRAMES)) expect(html).toContain(`<h3>${type} (client)</h3>`);
    for (const type of Object.keys(SERVER_FRAMES)) expect(html).toContain(`<h3>${type} (node)</h3>`);
    for (const code of Object.keys(ERRORS)) expect(html).toContain(`<td><code>${code}</code></td>`);
  });

  it('says of routes for who has no device yet that what a login gave is enough', async () => {
    const html = await (await fetch(`${server.url}/docs`)).text();
    expect(html).toContain(
      'The own vault, sealed; needs what a login by password or recovery code gave, or a session.',
    );
    expect(html).toContain('Authorization: Bearer $GRANT');
  });

  it('cannot be written into by who asks', async () => {
    const elsewhere = new LocalChatNode();
    const nameless = await serveForTest(elsewhere);
    const { request } = await import('node:http');
    const html = await new Promise<string>((resolve, reject) => {
      request(`${nameless.url}/docs`, { headers: { host: '"><script>x' } }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve(text));
      })
        .on('error', reject)
        .end();
    });
    expect(html).not.toContain('<script');
    await nameless.close(1_000);
  });
});

describe('what the page makes of schemas', () => {
  it('one row for each field, wherever it stands', () => {
    const person = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
    const schema = {
      type: 'object',
      required: ['people'],
      properties: {
        people: { type: 'array', items: person, maxItems: 3 },
        next: { anyOf: [{ type: 'string', pattern: '^A' }, { type: 'null' }], description: 'Null at the end.' },
      },
    };
    expect(fieldsOf(schema)).toEqual([
      { path: 'people', type: '[object], at most 3', required: true, description: '' },
      { path: 'people[].name', type: 'string', required: true, description: '' },
      { path: 'next', type: 'string, ^A | null', required: false, description: 'Null at the end.' },
    ]);
    expect(typeOf({ anyOf: [{ const: 'a' }, { const: 'b' }] })).toBe('"a" | "b"');
    expect(typeOf({ type: 'integer', minimum: 1, maximum: 5 })).toBe('integer, 1 to 5');
  });

  it('lines for the shell', () => {
    expect(curlLine('http://h', { method: 'GET', path: '/v1/rooms/{room}', security: 'session' })).toBe(
      'curl -sS -H "Authorization: Bearer $TOKEN" "http://h/v1/rooms/$ROOM"',
    );
    const body = { type: 'object', required: ['txnId'], properties: { txnId: { type: 'string' } } };
    expect(curlLine('http://h', { method: 'PUT', path: '/v1/blocks/{name}', security: 'session', body })).toBe(
      `curl -sS -X PUT -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d @- "http://h/v1/blocks/$NAME" <<END
{ "txnId": "$(ulid)" }
END`,
    );
  });
});
