import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ParleyError, isErrorCode } from '../../protocol/errors.ts';
import { parseEndpoints } from '../endpoints.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { StatusJson } from '../../protocol/http/schemas.ts';
import { apiUrl, layoutFromEnvironment } from '../local-cluster/layout.ts';

const REQUEST_MS_MAX = 5_000;
/** A change waits for the log. */
const CHANGE_MS_MAX = 15_000;
/** Leadership may move on while it is looked for. */
const LEADERS_MAX = 3;

/** Said by a node that takes no part, of itself: another one may do what was asked. */
const ASK_ANOTHER: ReadonlySet<ErrorCode> = new Set(['damaged', 'rolled_back']);

interface RequestOptions {
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

export interface AdminTarget {
  /** Tried in this order. */
  readonly endpoints: readonly string[];
  readonly token: string | null;
  /** In place of an admin token: that of an admin of the server, who is logged in. */
  readonly session?: () => Promise<string>;
}

/** Endpoints and token as given, else those of the local cluster that `PARLEY_*` describes. */
export function resolveTarget(
  given: { endpoint?: string | undefined; adminTokenFile?: string | undefined },
  env: Readonly<Record<string, string | undefined>>,
): AdminTarget {
  const layout = layoutFromEnvironment(env);
  const endpoints = given.endpoint === undefined ? layout.nodes.map(apiUrl) : parseEndpoints(given.endpoint);
  const files =
    given.adminTokenFile === undefined
      ? layout.nodes.map(({ dataDir }) => join(dataDir, 'admin.token'))
      : [given.adminTokenFile];
  const file = files.find((candidate) => existsSync(candidate));
  if (given.adminTokenFile !== undefined && file === undefined) {
    throw new ParleyError('usage', `There is no admin token file ${given.adminTokenFile}.`);
  }
  return { endpoints, token: file === undefined ? null : readFileSync(file, 'utf8').trim() };
}

/**
 * Asks the endpoints in turn until one answers that takes part.
 * @throws ParleyError `cannot_connect`, `unauthenticated` or what the node said
 */
export async function adminRequest<T>(
  target: AdminTarget,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  { body, timeoutMs = method === 'GET' ? REQUEST_MS_MAX : CHANGE_MS_MAX }: RequestOptions = {},
): Promise<T> {
  const token = target.session === undefined ? target.token : await target.session();
  if (token === null) {
    throw new ParleyError(
      'unauthenticated',
      'No admin token: set PARLEY_DATA to where the nodes keep their data, or give --admin-token-file, or --home of an admin.',
    );
  }
  const failures: string[] = [];
  let refusal: ParleyError | null = null;
  for (const endpoint of target.endpoints) {
    const response = await request(endpoint + path, { method, token, body, timeoutMs }).catch((error: unknown) => {
      failures.push(`${endpoint}: ${describeFailure(error)}`);
      return null;
    });
    if (response === null) continue;
    const json: unknown = await response.json().catch(() => null);
    if (response.ok) return json as T;
    const problem = problemOf(json, response.status);
    if (!ASK_ANOTHER.has(problem.code)) throw problem;
    refusal ??= problem;
  }
  if (refusal !== null) throw refusal;
  throw new ParleyError('cannot_connect', `No node could be reached (${failures.join('; ')}).`);
}

/**
 * Asks the leader, whichever node names it.
 * @throws ParleyError as `adminRequest`
 */
export async function leaderRequest<T>(target: AdminTarget, path: string, body: unknown): Promise<T> {
  let asked = target;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await adminRequest<T>(asked, 'POST', path, { body });
    } catch (error) {
      const url = error instanceof ParleyError && error.code === 'not_leader' ? error.data['url'] : null;
      if (typeof url !== 'string' || attempt >= LEADERS_MAX) throw error;
      asked = { ...target, endpoints: parseEndpoints(url) };
    }
  }
}

/** Asks every node of the cluster by itself; null stands for the reply of one that does not answer. */
export async function askAll<T>(
  target: AdminTarget,
  ask: (node: AdminTarget) => Promise<T>,
): Promise<{ readonly node: string; readonly reply: T | null }[]> {
  const { nodes } = await adminRequest<StatusJson>(target, 'GET', '/v1/admin/status');
  return Promise.all(
    nodes.map(async ({ id, api }) => {
      const asked = api === null ? null : { ...target, endpoints: parseEndpoints(api) };
      const reply = asked === null ? null : await ask(asked).catch(nullIfDown);
      return { node: id, reply };
    }),
  );
}

function nullIfDown(error: unknown): null {
  if (error instanceof ParleyError && error.code === 'cannot_connect') return null;
  throw error;
}

async function request(
  url: string,
  { method, token, body, timeoutMs }: { method: string; token: string; body: unknown; timeoutMs: number },
): Promise<Response> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  return fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
}

function problemOf(json: unknown, status: number): ParleyError {
  const { code, detail, data } = (json ?? {}) as { code?: unknown; detail?: unknown; data?: Record<string, unknown> };
  if (typeof code === 'string' && isErrorCode(code)) {
    return new ParleyError(code, typeof detail === 'string' ? detail : undefined, { data: data ?? {} });
  }
  return new ParleyError('internal', `The node answered ${status} without saying why.`);
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  return cause?.code ?? error.message;
}
