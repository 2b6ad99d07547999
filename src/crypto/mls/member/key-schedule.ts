import { HASH_BYTES } from '../../hkdf.ts';
import { writeGroupContext } from '../group-context.ts';
import { encode } from '../tls-writer.ts';
import { deriveSecret, expandWithLabel } from './labelled-crypto.ts';
import type { KemKeyPair } from '../../kem.ts';
import type { GroupContext } from '../group-context.ts';
import type { MemberSuite } from './primitives.ts';

type Kdf = Pick<MemberSuite, 'hkdf'>;

/** What is derived from the epoch secret (RFC 9420 section 8, table 4), and the next epoch's `init_secret`. */
export interface EpochSecrets {
  readonly senderDataSecret: Uint8Array;
  readonly encryptionSecret: Uint8Array;
  readonly exporterSecret: Uint8Array;
  readonly externalSecret: Uint8Array;
  readonly confirmationKey: Uint8Array;
  readonly membershipKey: Uint8Array;
  readonly resumptionPsk: Uint8Array;
  readonly epochAuthenticator: Uint8Array;
  readonly initSecret: Uint8Array;
}

/** @param context of the new epoch */
export function joinerSecret(
  suite: Kdf,
  from: { readonly initSecret: Uint8Array; readonly commitSecret: Uint8Array },
  context: GroupContext,
): Uint8Array {
  const secret = suite.hkdf.extract(from.initSecret, from.commitSecret);
  return expandWithLabel(suite, secret, { label: 'joiner', context: encode(writeGroupContext, context) });
}

/** What both `welcome_secret` and `epoch_secret` are derived from. */
export interface JoinerInput {
  readonly joinerSecret: Uint8Array;
  readonly pskSecret: Uint8Array;
}

const memberSecret = ({ hkdf }: Kdf, input: JoinerInput): Uint8Array =>
  hkdf.extract(input.joinerSecret, input.pskSecret);

export function welcomeSecret(suite: Kdf, input: JoinerInput): Uint8Array {
  return deriveSecret(suite, memberSecret(suite, input), 'welcome');
}

/** @param context of the new epoch */
export function epochSecrets(suite: Kdf, input: JoinerInput, context: GroupContext): EpochSecrets {
  const label = { label: 'epoch', context: encode(writeGroupContext, context) };
  return epochSecretsOf(suite, expandWithLabel(suite, memberSecret(suite, input), label));
}

/** From `epoch_secret` itself: of a group at its creation (section 11). */
export function epochSecretsOf(suite: Kdf, epochSecret: Uint8Array): EpochSecrets {
  const derive = (label: string): Uint8Array => deriveSecret(suite, epochSecret, label);
  return {
    senderDataSecret: derive('sender data'),
    encryptionSecret: derive('encryption'),
    exporterSecret: derive('exporter'),
    externalSecret: derive('external'),
    confirmationKey: derive('confirm'),
    membershipKey: derive('membership'),
    resumptionPsk: derive('resumption'),
    epochAuthenticator: derive('authentication'),
    initSecret: derive('init'),
  };
}

/** The key pair that external commits encrypt to (section 8). */
export function externalKeyPair(
  suite: MemberSuite,
  { externalSecret }: Pick<EpochSecrets, 'externalSecret'>,
): KemKeyPair {
  return suite.kem.deriveKeyPair(externalSecret);
}

/** Section 8.1, 12.4.2: MAC(confirmation_key, confirmed_transcript_hash). */
export function confirmationTag(
  { hkdf }: Kdf,
  { confirmationKey }: Pick<EpochSecrets, 'confirmationKey'>,
  confirmedTranscriptHash: Uint8Array,
): Uint8Array {
  return hkdf.mac(confirmationKey, confirmedTranscriptHash);
}

/** MLS-Exporter (section 8.5). @param length in bytes */
export function exportSecret(
  suite: Kdf,
  { exporterSecret }: Pick<EpochSecrets, 'exporterSecret'>,
  purpose: { readonly label: string; readonly context: Uint8Array; readonly length?: number },
): Uint8Array {
  const secret = deriveSecret(suite, exporterSecret, purpose.label);
  const context = suite.hkdf.hash(purpose.context);
  return expandWithLabel(suite, secret, { label: 'exported', context }, purpose.length ?? HASH_BYTES);
}
