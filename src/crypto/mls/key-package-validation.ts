import { equalBytes } from '../bytes.ts';
import { MLS_10 } from './cipher-suite.ts';
import { MlsError, verify } from './error.ts';
import { hasValidKeyPackageSignature, keyPackageRef } from './key-package.ts';
import { validateLeafNode } from './leaf-node-validation.ts';
import type { Extension } from './extension.ts';
import type { KeyPackage } from './key-package.ts';
import type { ValidationContext } from './validation-context.ts';

const NO_PLACE = { groupId: new Uint8Array(0), leafIndex: 0 };

/**
 * RFC 9420 section 10.1: when it is published, before it is used, and when it comes in an Add.
 * Its own extensions may be unknown to everybody: others put in such ones on purpose (GREASE, section 13.5).
 * @param groupExtensions of the group it is to be added to; none when it is published
 * @throws MlsError (`bad_key_package`)
 */
export function validateKeyPackage(
  keyPackage: KeyPackage,
  groupExtensions: readonly Extension[],
  context: ValidationContext,
): void {
  const { suite, application } = context;
  const { version, cipherSuite, leafNode, initKey } = keyPackage;
  verify(version === MLS_10, 'bad_key_package', 'The key package is of another protocol version.');
  verify(cipherSuite === suite.id, 'bad_key_package', 'The key package is of another cipher suite.');
  const isSignatureKnown = application.isVerifiedKeyPackage?.(keyPackageRef(suite, keyPackage)) ?? false;
  const isSigned = isSignatureKnown || hasValidKeyPackageSignature(suite, keyPackage);
  verify(isSigned, 'bad_key_package', 'The signature of the key package is not valid.');
  const isDistinct = !equalBytes(initKey, leafNode.encryptionKey);
  verify(isDistinct, 'bad_key_package', 'The init key is the encryption key.');
  verify(suite.kem.isUsableKey(initKey), 'bad_key_package', 'Nothing can be encrypted to the init key.');
  const expected = {
    place: NO_PLACE,
    source: 'key_package',
    extensions: groupExtensions,
    isSignatureKnown,
    checkLifetime: true,
  } as const;
  try {
    validateLeafNode(leafNode, expected, context);
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    throw new MlsError('bad_key_package', error.message);
  }
}
