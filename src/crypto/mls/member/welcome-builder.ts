import { writeGroupInfo } from '../group-info.ts';
import { keyPackageRef } from '../key-package.ts';
import { commonAncestor } from '../tree-math.ts';
import { encode } from '../tls-writer.ts';
import { writeGroupSecrets } from '../welcome.ts';
import { welcomeSecret } from './key-schedule.ts';
import { encryptWithLabel } from './labelled-crypto.ts';
import { welcomeKey } from './welcome-key.ts';
import type { RandomBytes } from '../../random.ts';
import type { GroupInfo } from '../group-info.ts';
import type { Welcome } from '../welcome.ts';
import type { BuiltCommit } from './commit-builder.ts';
import type { MemberSuite } from './primitives.ts';

/** One Welcome for everybody whom the commit added (RFC 9420 section 12.4.3.1); null when it added nobody. */
export function createWelcome(
  suite: MemberSuite,
  { applied, joiner, path }: BuiltCommit,
  groupInfo: GroupInfo,
  random: RandomBytes,
): Welcome | null {
  if (applied.added.length === 0) return null;
  const { key, nonce } = welcomeKey(suite, welcomeSecret(suite, joiner));
  const encryptedGroupInfo = suite.aead.seal(key, nonce, new Uint8Array(0), encode(writeGroupInfo, groupInfo));
  const secrets = applied.added.map(({ leafIndex, keyPackage }) => {
    const ancestor = commonAncestor(applied.committer, leafIndex);
    const pathSecret = path?.secrets.find(({ node }) => node === ancestor)?.pathSecret ?? null;
    const { joinerSecret } = joiner;
    const groupSecrets = encode(writeGroupSecrets, { joinerSecret, pathSecret, psks: applied.psks });
    const labelled = { label: 'Welcome', context: encryptedGroupInfo };
    return {
      newMember: keyPackageRef(suite, keyPackage),
      encryptedGroupSecrets: encryptWithLabel(suite, keyPackage.initKey, labelled, groupSecrets, random),
    };
  });
  return { cipherSuite: suite.id, secrets, encryptedGroupInfo };
}
