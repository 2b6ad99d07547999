import { noblePrimitives } from '../../crypto/mls/member/primitives.ts';
import { nodePrimitives } from '../../crypto/node-mls-primitives.ts';

/** Both providers of the MLS primitives, for tests that every one of them must pass. */
export const mlsProviders = [
  { provider: 'noble', primitives: noblePrimitives },
  { provider: 'node', primitives: nodePrimitives },
] as const;
