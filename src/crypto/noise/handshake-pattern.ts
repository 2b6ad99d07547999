/** Patterns (Noise §7) in which both sides know the other's static key beforehand; these are pre-messages (§7.1). */
export type Token = 'e' | 'es' | 'ee' | 'se' | 'ss';

export interface HandshakePattern {
  readonly name: string;
  /** By turns, the initiator's first. */
  readonly messages: readonly (readonly Token[])[];
}

/** Both sides at once, in one round trip (§7.5). */
export const KK: HandshakePattern = {
  name: 'KK',
  messages: [
    ['e', 'es', 'ss'],
    ['e', 'ee', 'se'],
  ],
};

/** One message to somebody who may be away (§7.4). */
export const K: HandshakePattern = { name: 'K', messages: [['e', 'es', 'ss']] };
