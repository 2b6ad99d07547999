import { Type } from '@sinclair/typebox';
import { ParleyError } from '../../protocol/errors.ts';
import type { ApiContext, App } from '../context.ts';

const Live = Type.Object({ live: Type.Literal(true) });
const Ready = Type.Object({ ready: Type.Literal(true) });

/** For whoever supervises: live means running, ready means that requests make sense here. */
export function addHealthRoutes(app: App, { node }: ApiContext): void {
  app.get('/livez', { schema: { tags: ['health'], summary: 'Is the process alive', response: { 200: Live } } }, () => ({
    live: true as const,
  }));

  app.get(
    '/readyz',
    { schema: { tags: ['health'], summary: 'Does the node serve', response: { 200: Ready }, errors: ['no_leader'] } },
    () => {
      const readiness = node.readiness();
      if (!readiness.ready) throw new ParleyError('no_leader', readiness.reason);
      return { ready: true as const };
    },
  );
}
