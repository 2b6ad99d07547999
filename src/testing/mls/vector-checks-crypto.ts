import { bytesToHex as hex, hexToBytes as bytes } from '@noble/hashes/utils.js';
import { expect } from 'vitest';
import { nodeRandom } from '../../crypto/node-random.ts';
import {
  hasValidContentSignature,
  readAuthenticatedContent,
  writeAuthenticatedContent,
} from '../../crypto/mls/authenticated-content.ts';
import { refHash, verifyWithLabel } from '../../crypto/mls/cipher-suite.ts';
import { readCommit } from '../../crypto/mls/commit.ts';
import { readGroupContext } from '../../crypto/mls/group-context.ts';
import { readMlsMessage } from '../../crypto/mls/mls-message.ts';
import { readProposal } from '../../crypto/mls/proposal.ts';
import { confirmedTranscriptHash, interimTranscriptHash } from '../../crypto/mls/transcript-hash.ts';
import { decode } from '../../crypto/mls/tls-reader.ts';
import { encode } from '../../crypto/mls/tls-writer.ts';
import { deriveTreeSecret } from '../../crypto/mls/member/hash-ratchet.ts';
import {
  confirmationTag,
  epochSecrets,
  exportSecret,
  externalKeyPair,
  joinerSecret,
  welcomeSecret,
} from '../../crypto/mls/member/key-schedule.ts';
import {
  decryptWithLabel,
  deriveSecret,
  encryptWithLabel,
  expandWithLabel,
  signWithLabel,
} from '../../crypto/mls/member/labelled-crypto.ts';
import {
  openPrivateContent,
  openSenderData,
  protectPrivate,
  protectPublic,
  ratchetTypeOf,
  senderDataKey,
  signFramedContent,
  unprotectPublic,
} from '../../crypto/mls/member/message-protection.ts';
import { memberSuite } from '../../crypto/mls/member/primitives.ts';
import { pskSecret } from '../../crypto/mls/member/psk-secret.ts';
import { SecretTree } from '../../crypto/mls/member/secret-tree.ts';
import type { AuthenticatedContent } from '../../crypto/mls/authenticated-content.ts';
import type { Content } from '../../crypto/mls/framed-content.ts';
import type { MlsPrimitives } from '../../crypto/mls/member/primitives.ts';
import type { MlsVectorTypes, VectorChecks } from './vector-types.ts';

function checkCryptoBasics(vector: MlsVectorTypes['crypto-basics'], primitives: MlsPrimitives): void {
  const suite = memberSuite(vector.cipher_suite, primitives);
  const { ref_hash: ref, expand_with_label: expand, derive_secret: derive, derive_tree_secret: tree } = vector;
  expect(hex(refHash(suite, ref['label']!, bytes(ref['value']!)))).toBe(ref['out']);
  const context = { label: expand['label']!, context: bytes(expand['context']!) };
  expect(hex(expandWithLabel(suite, bytes(expand['secret']!), context, expand.length))).toBe(expand['out']);
  expect(hex(deriveSecret(suite, bytes(derive['secret']!), derive['label']!))).toBe(derive['out']);
  const step = { label: tree['label']!, generation: tree.generation };
  expect(hex(deriveTreeSecret(suite, bytes(tree['secret']!), step, tree.length))).toBe(tree['out']);

  const { label, content, priv, pub, signature } = vector.sign_with_label;
  const signed = { publicKey: bytes(pub!), label: label!, content: bytes(content!) };
  expect(verifyWithLabel(suite, { ...signed, signature: bytes(signature!) })).toBe(true);
  const again = signWithLabel(suite, bytes(priv!), label!, bytes(content!));
  expect(verifyWithLabel(suite, { ...signed, signature: again })).toBe(true);

  const hpke = vector.encrypt_with_label;
  const labelled = { label: hpke['label']!, context: bytes(hpke['context']!) };
  const keyPair = suite.kem.keyPairOf(bytes(hpke['priv']!));
  expect(hex(keyPair.publicKey)).toBe(hpke['pub']);
  const sealed = { kemOutput: bytes(hpke['kem_output']!), ciphertext: bytes(hpke['ciphertext']!) };
  expect(hex(decryptWithLabel(suite, keyPair, labelled, sealed)!)).toBe(hpke['plaintext']);
  const plaintext = bytes(hpke['plaintext']!);
  const own = encryptWithLabel(suite, keyPair.publicKey, labelled, plaintext, nodeRandom);
  expect(decryptWithLabel(suite, keyPair, labelled, own)).toEqual(plaintext);
}

function checkKeySchedule(vector: MlsVectorTypes['key-schedule'], primitives: MlsPrimitives): void {
  const suite = memberSuite(vector.cipher_suite, primitives);
  let initSecret: Uint8Array = bytes(vector.initial_init_secret);
  for (const epoch of vector.epochs) {
    const context = decode(readGroupContext, bytes(epoch['group_context']!));
    expect([hex(context.groupId), hex(context.treeHash), hex(context.confirmedTranscriptHash)]).toEqual([
      vector.group_id,
      epoch['tree_hash'],
      epoch['confirmed_transcript_hash'],
    ]);
    const joiner = joinerSecret(suite, { initSecret, commitSecret: bytes(epoch['commit_secret']!) }, context);
    const input = { joinerSecret: joiner, pskSecret: bytes(epoch['psk_secret']!) };
    const secrets = epochSecrets(suite, input, context);
    const { label, context: exportContext, length } = epoch.exporter;
    const exported = exportSecret(suite, secrets, { label: label!, context: bytes(exportContext!), length });
    expect(hex(exported)).toBe(epoch.exporter['secret']);
    const computed = {
      joiner_secret: joiner,
      welcome_secret: welcomeSecret(suite, input),
      init_secret: secrets.initSecret,
      sender_data_secret: secrets.senderDataSecret,
      encryption_secret: secrets.encryptionSecret,
      exporter_secret: secrets.exporterSecret,
      epoch_authenticator: secrets.epochAuthenticator,
      external_secret: secrets.externalSecret,
      external_pub: externalKeyPair(suite, secrets).publicKey,
      confirmation_key: secrets.confirmationKey,
      membership_key: secrets.membershipKey,
      resumption_psk: secrets.resumptionPsk,
    };
    for (const [field, value] of Object.entries(computed))
      expect(`${field} ${hex(value)}`).toBe(`${field} ${epoch[field]}`);
    ({ initSecret } = secrets);
  }
}

function checkSecretTree(vector: MlsVectorTypes['secret-tree'], primitives: MlsPrimitives): void {
  const suite = memberSuite(vector.cipher_suite, primitives);
  const { sender_data: data } = vector;
  const outer = senderDataKey(suite, bytes(data['sender_data_secret']!), bytes(data['ciphertext']!));
  expect([hex(outer.key), hex(outer.nonce)]).toEqual([data['key'], data['nonce']]);
  const tree = SecretTree.of(suite, vector.leaves.length, bytes(vector.encryption_secret));
  for (const [leafIndex, generations] of vector.leaves.entries()) {
    for (const generation of generations) {
      for (const type of ['application', 'handshake'] as const) {
        const { messageKey, consume } = tree.keyOf(leafIndex, type, generation.generation);
        expect([hex(messageKey.key), hex(messageKey.nonce)]).toEqual([
          generation[`${type}_key`],
          generation[`${type}_nonce`],
        ]);
        consume();
      }
    }
  }
}

function checkPskSecret(vector: MlsVectorTypes['psk_secret'], primitives: MlsPrimitives): void {
  const suite = memberSuite(vector.cipher_suite, primitives);
  const psks = vector.psks.map(({ psk_id: id, psk, psk_nonce: nonce }) => ({
    id: { type: 'external', id: bytes(id!), nonce: bytes(nonce!) } as const,
    secret: bytes(psk!),
  }));
  expect(hex(pskSecret(suite, psks))).toBe(vector.psk_secret);
}

function checkTranscriptHashes(vector: MlsVectorTypes['transcript-hashes'], primitives: MlsPrimitives): void {
  const suite = memberSuite(vector.cipher_suite, primitives);
  const message = decode(readAuthenticatedContent, bytes(vector['authenticated_content']!));
  expect(hex(encode(writeAuthenticatedContent, message))).toBe(vector['authenticated_content']);
  const confirmed = confirmedTranscriptHash(suite, bytes(vector['interim_transcript_hash_before']!), message);
  expect(hex(confirmed)).toBe(vector['confirmed_transcript_hash_after']);
  const confirmationKey = bytes(vector['confirmation_key']!);
  const tag = confirmationTag(suite, { confirmationKey }, confirmed);
  expect(tag).toEqual(message.auth.confirmationTag);
  expect(hex(interimTranscriptHash(suite, confirmed, tag))).toBe(vector['interim_transcript_hash_after']);
}

function checkMessageProtection(vector: MlsVectorTypes['message-protection'], primitives: MlsPrimitives): void {
  const suite = memberSuite(vector.cipher_suite, primitives);
  const context = {
    cipherSuite: vector.cipher_suite,
    groupId: bytes(vector['group_id']!),
    epoch: BigInt(vector.epoch),
    treeHash: bytes(vector['tree_hash']!),
    confirmedTranscriptHash: bytes(vector['confirmed_transcript_hash']!),
    extensions: [],
  };
  const membershipKey = bytes(vector['membership_key']!);
  const senderDataSecret = bytes(vector['sender_data_secret']!);
  const openPrivate = (encoded: Uint8Array): AuthenticatedContent => {
    const tree = SecretTree.of(suite, 2, bytes(vector['encryption_secret']!));
    const { format, message } = decode(readMlsMessage, encoded);
    if (format !== 'private_message') throw new Error(format);
    const senderData = openSenderData(suite, message, senderDataSecret);
    const { messageKey } = tree.keyOf(senderData.leafIndex, ratchetTypeOf(message), senderData.generation);
    return openPrivateContent(suite, message, senderData, messageKey);
  };
  const openPublic = (encoded: Uint8Array): AuthenticatedContent => {
    const { format, message } = decode(readMlsMessage, encoded);
    if (format !== 'public_message') throw new Error(format);
    return unprotectPublic(suite, message, { membershipKey, context });
  };
  const opened = (content: AuthenticatedContent, expected: Content): void => {
    const key = bytes(vector['signature_pub']!);
    expect(hasValidContentSignature(suite, content, key, context)).toBe(true);
    expect(content.content.content).toEqual(expected);
  };
  const proposal = { type: 'proposal', proposal: decode(readProposal, bytes(vector['proposal']!)) } as const;
  const commit = { type: 'commit', commit: decode(readCommit, bytes(vector['commit']!)) } as const;
  const application = { type: 'application', data: bytes(vector['application']!) } as const;
  opened(openPublic(bytes(vector['proposal_pub']!)), proposal);
  opened(openPrivate(bytes(vector['proposal_priv']!)), proposal);
  opened(openPublic(bytes(vector['commit_pub']!)), commit);
  opened(openPrivate(bytes(vector['commit_priv']!)), commit);
  opened(openPrivate(bytes(vector['application_priv']!)), application);

  for (const content of [proposal, commit, application]) {
    const sender = { type: 'member', leafIndex: 1 } as const;
    const { groupId, epoch } = context;
    const framed = { groupId, epoch, sender, authenticatedData: new Uint8Array(3), content };
    const tag = content.type === 'commit' ? new Uint8Array(32) : null;
    const sign = (wireFormat: 'public_message' | 'private_message'): AuthenticatedContent['auth'] => ({
      signature: signFramedContent(suite, bytes(vector['signature_priv']!), {
        wireFormat,
        content: framed,
        context,
      }),
      confirmationTag: tag,
    });
    const wireFormat = 'public_message' as const;
    const publicContent = { wireFormat, content: framed, auth: sign(wireFormat) };
    const tagged = protectPublic(suite, publicContent, { membershipKey, context });
    opened(unprotectPublic(suite, tagged, { membershipKey, context }), content);
    const tree = SecretTree.of(suite, 2, bytes(vector['encryption_secret']!));
    const type = ratchetTypeOf({ contentType: content.type });
    const { messageKey } = tree.keyOf(1, type, 0);
    const message = protectPrivate(
      suite,
      { content: framed, auth: sign('private_message') },
      { senderDataSecret, messageKey, generation: 0, reuseGuard: nodeRandom(4), paddingBytes: 5 },
    );
    const senderData = openSenderData(suite, message, senderDataSecret);
    expect([senderData.leafIndex, senderData.generation]).toEqual([1, 0]);
    opened(openPrivateContent(suite, message, senderData, messageKey), content);
  }
}

/** What the vectors of cryptography say; a check throws where it is not so. */
export const CRYPTO_VECTOR_CHECKS = {
  'crypto-basics': checkCryptoBasics,
  'key-schedule': checkKeySchedule,
  'secret-tree': checkSecretTree,
  psk_secret: checkPskSecret,
  'transcript-hashes': checkTranscriptHashes,
  'message-protection': checkMessageProtection,
} as const satisfies VectorChecks;
