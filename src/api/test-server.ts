import { pino } from 'pino';
import { buildApi } from './server.ts';
import type { ApiConfig, ApiLimits } from './config.ts';
import type { Api } from './server.ts';
import type { ChatNode } from '../node/ports.ts';

export interface TestServer extends Api {
  readonly url: string;
}

/** For tests: the API of a node on a free port of this machine, saying nothing. */
export async function serveForTest(
  node: ChatNode,
  options: { readonly limits?: Partial<ApiLimits>; readonly config?: Partial<ApiConfig> } = {},
): Promise<TestServer> {
  const config: ApiConfig = {
    host: '127.0.0.1',
    port: 0,
    advertiseUrl: null,
    origins: [],
    trustedProxies: [],
    insecureHttp: false,
    webFolder: null,
    limits: options.limits,
    ...options.config,
  };
  const api = buildApi({ node, config, logger: pino({ level: 'silent' }) });
  const url = await api.listen();
  return {
    url,
    listen: () => api.listen(),
    close: (graceMs) => api.close(graceMs),
    get address() {
      return api.address;
    },
    get stats() {
      return api.stats;
    },
  };
}
