import { join } from 'node:path';
import { ParleyClient } from '../../client/client.ts';
import { parseEndpoints } from '../endpoints.ts';
import { apiUrl, layoutFromEnvironment } from '../local-cluster/layout.ts';
import { nodePlatform } from '../node-platform.ts';
import { FolderSpool } from '../store/folder-spool.ts';
import { LevelStore } from '../store/level-store.ts';
import { defaultHome } from './arguments.ts';
import type { Balance } from '../../client/choose-node.ts';

export interface HomeOptions {
  readonly home?: string;
  readonly endpoint?: string;
  /** Asked for, so it decides over remembered endpoints too. */
  readonly balance?: Balance;
  readonly insecureHttp?: boolean;
}

/** The client that lives in a home directory; without remembered endpoints it talks to the local cluster. */
export function openHome(
  { home, endpoint, balance, insecureHttp = false }: HomeOptions,
  env: NodeJS.ProcessEnv,
): Promise<ParleyClient> {
  const folder = home ?? defaultHome(env);
  const spool = new FolderSpool(join(folder, 'spool'));
  return ParleyClient.open(nodePlatform(new LevelStore(join(folder, 'store')), spool), {
    endpoints: endpoint === undefined ? null : parseEndpoints(endpoint),
    balance: balance ?? 'least-loaded',
    balanceRemembered: balance !== undefined,
    insecureHttp,
    fallback: layoutFromEnvironment(env).nodes.map(apiUrl),
  });
}
