import { ParleyError, isErrorCode } from '../../src/protocol/errors.ts';

const REQUEST_MS_MAX = 15_000;
const RETRIES_MAX = 20;
const RETRY_MS = 250;

/** One JSON request, repeated while the node says that a repetition can help. For setting scenes, not for load. */
export async function requestJson<T>(
  endpoint: string,
  method: string,
  path: string,
  options: { readonly token?: string; readonly body?: unknown } = {},
): Promise<T> {
  const headers: Record<string, string> = {};
  if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(endpoint + path, {
      method,
      headers,
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
    const json = (await response.json()) as T & { code?: string; detail?: string; retryable?: boolean };
    if (response.ok) return json;
    if (json.retryable !== true || attempt >= RETRIES_MAX) {
      const code = json.code !== undefined && isErrorCode(json.code) ? json.code : 'internal';
      throw new ParleyError(code, `${method} ${path}: ${json.detail ?? response.status}`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
