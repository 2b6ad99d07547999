import { registrationPolicy } from '../../chat/queries-admin.ts';
import { ClusterReply } from '../../protocol/http/schemas.ts';
import type { ApiContext, App } from '../context.ts';

/** Where else clients may go. Open to everyone: it says nothing that a client could not find out. */
export function addClusterRoutes(app: App, { node }: ApiContext): void {
  app.get(
    '/v1/cluster',
    { schema: { tags: ['cluster'], summary: 'Nodes and their load', response: { 200: ClusterReply } } },
    () => ({ ...node.clusterView(), registration: registrationPolicy(node.reader) ?? node.registration }),
  );
}
