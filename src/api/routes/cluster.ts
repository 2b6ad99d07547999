import { registrationPolicy } from '../../chat/queries-admin.ts';
import { ClusterReply } from '../../protocol/http/schemas.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ChatNode } from '../../node/ports.ts';
import type { RegistrationPolicy } from '../../protocol/commands.ts';
import type { ApiContext, App } from '../context.ts';

/** Where else clients may go. Open to everyone: it says nothing that a client could not find out. */
export function addClusterRoutes(app: App, { node }: ApiContext): void {
  app.get(
    '/v1/cluster',
    { schema: { tags: ['cluster'], summary: 'Nodes and their load', response: { 200: ClusterReply } } },
    () => ({ ...node.clusterView(), registration: registrationOf(node) }),
  );
}

/** A node that cannot read its state tells clients where else to go all the same. */
function registrationOf(node: Pick<ChatNode, 'reader' | 'registration'>): RegistrationPolicy {
  try {
    return registrationPolicy(node.reader) ?? node.registration;
  } catch (error) {
    if (error instanceof ParleyError) return node.registration;
    throw error;
  }
}
