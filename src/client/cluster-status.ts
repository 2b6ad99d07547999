import { clusterStatus } from './answers.ts';
import type { StatusJson } from '../protocol/http/schemas.ts';
import type { ClientContext } from './context.ts';

const ASK_MS_MAX = 4_000;

/** How every node stands. @throws ParleyError `forbidden` for who is no admin of the server */
export function statusOfCluster(context: ClientContext): Promise<StatusJson> {
  return context.readAny('/v1/admin/status', clusterStatus, ASK_MS_MAX);
}
