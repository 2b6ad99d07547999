import { equalBytes } from '../../bytes.ts';
import { MlsError, verify } from '../error.ts';
import { readGroupInfo } from '../group-info.ts';
import { decode } from '../tls-reader.ts';
import { readGroupSecrets } from '../welcome.ts';
import { decryptWithLabel } from './labelled-crypto.ts';
import { welcomeKey } from './welcome-key.ts';
import type { GroupInfo } from '../group-info.ts';
import type { GroupSecrets, Welcome } from '../welcome.ts';
import type { KeyPackageBundle } from './client-identity.ts';
import type { MemberSuite } from './primitives.ts';

/** RFC 9420 section 12.4.3.1: the secrets for the owner of this key package. @throws MlsError */
export function openGroupSecrets(
  suite: MemberSuite,
  welcome: Welcome,
  bundle: Pick<KeyPackageBundle, 'keyPackage' | 'ref' | 'initKeyPair'>,
): GroupSecrets {
  const entry = welcome.secrets.find(({ newMember }) => equalBytes(newMember, bundle.ref));
  if (entry === undefined) throw new MlsError('bad_welcome', 'The welcome is not for this key package.');
  const isSameSuite = bundle.keyPackage.cipherSuite === welcome.cipherSuite;
  verify(isSameSuite, 'bad_welcome', 'The key package is of another cipher suite.');
  const labelled = { label: 'Welcome', context: welcome.encryptedGroupInfo };
  const opened = decryptWithLabel(suite, bundle.initKeyPair, labelled, entry.encryptedGroupSecrets);
  if (opened === null) throw new MlsError('undecryptable', 'The group secrets do not decrypt.');
  return decode(readGroupSecrets, opened);
}

/** RFC 9420 section 12.4.3.1; its signature is for the caller to check. @throws MlsError (`undecryptable`) */
export function openGroupInfo(suite: MemberSuite, welcome: Welcome, welcomeSecret: Uint8Array): GroupInfo {
  const { key, nonce } = welcomeKey(suite, welcomeSecret);
  const opened = suite.aead.open(key, nonce, new Uint8Array(0), welcome.encryptedGroupInfo);
  if (opened === null) throw new MlsError('undecryptable', 'The group info does not decrypt.');
  return decode(readGroupInfo, opened);
}
