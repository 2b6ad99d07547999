import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createUserKey } from './identity.ts';
import { nodeRandom } from './node-random.ts';
import { isVaultOf, openVault, passwordWrappingKey, sealVault } from './vault.ts';
import { parseRecoveryCode, recoveryCodeOf } from './vault-recovery-code.ts';

const user = createUserKey(nodeRandom);
const other = createUserKey(nodeRandom);
const contents = new TextEncoder().encode('a signing key, and pins');
const recoverySecret = nodeRandom(32);
const passwordKey = passwordWrappingKey(nodeRandom(64));
const vault = sealVault(user, 3, contents, { recoverySecret, passwordKey }, nodeRandom);
const { account } = user;
const { publicKey } = user.signing;

describe('a vault', () => {
  it('opens by the user key, the recovery code and, where wished, the password', () => {
    expect(openVault(account, vault, { by: 'user', user })).toEqual(contents);
    expect(openVault(account, vault, { by: 'recovery', recoverySecret })).toEqual(contents);
    expect(openVault(account, vault, { by: 'password', passwordKey })).toEqual(contents);
    const without = sealVault(user, 3, contents, { recoverySecret, passwordKey: null }, nodeRandom);
    expect(openVault(account, without, { by: 'password', passwordKey })).toBeNull();
  });

  it('says nothing to a thief who has neither', () => {
    expect(openVault(account, vault, { by: 'user', user: other })).toBeNull();
    expect(openVault(account, vault, { by: 'recovery', recoverySecret: nodeRandom(32) })).toBeNull();
    expect(openVault(account, vault, { by: 'password', passwordKey: nodeRandom(32) })).toBeNull();
    const all = Buffer.concat([vault.userWrap, vault.recoveryWrap, vault.passwordWrap!, vault.sealed]).toString('hex');
    expect(all).not.toContain(Buffer.from('signing key').toString('hex'));
    for (const secret of [recoverySecret, passwordKey, user.signing.secretKey])
      expect(all).not.toContain(Buffer.from(secret).toString('hex'));
  });

  it('is of one account and one version: neither can be changed, nor parts exchanged', () => {
    expect(isVaultOf(account, publicKey, vault)).toBe(true);
    expect(isVaultOf(other.account, publicKey, vault)).toBe(false);
    for (const changed of [
      { ...vault, version: 4 },
      { ...vault, passwordWrap: null },
    ]) {
      expect(isVaultOf(account, publicKey, changed)).toBe(false);
    }
    const later = { ...vault, version: 4 };
    expect(openVault(account, later, { by: 'recovery', recoverySecret })).toBeNull();
    const earlier = sealVault(user, 3, contents, { recoverySecret, passwordKey }, nodeRandom);
    expect(openVault(account, { ...vault, sealed: earlier.sealed }, { by: 'recovery', recoverySecret })).toBeNull();
    const swapped = { ...vault, userWrap: vault.recoveryWrap };
    expect(openVault(account, swapped, { by: 'recovery', recoverySecret })).toEqual(contents);
    expect(openVault(account, swapped, { by: 'user', user })).toBeNull();
  });

  it('holds each part to its account and version, also where the same key was drawn twice', () => {
    const drawn = (length: number): Uint8Array => new Uint8Array(length).fill(7);
    const openers = { recoverySecret, passwordKey };
    const [third, fourth] = [3, 4].map((version) => sealVault(user, version, contents, openers, drawn));
    const foreign = sealVault(other, 4, contents, openers, drawn);
    const opening = { by: 'recovery', recoverySecret } as const;
    expect(openVault(account, fourth!, opening)).toEqual(contents);
    expect(openVault(account, { ...fourth!, recoveryWrap: third!.recoveryWrap }, opening)).toBeNull();
    expect(openVault(account, { ...fourth!, sealed: third!.sealed }, opening)).toBeNull();
    expect(openVault(account, { ...fourth!, recoveryWrap: foreign.recoveryWrap }, opening)).toBeNull();
    expect(openVault(account, { ...fourth!, sealed: foreign.sealed }, opening)).toBeNull();
  });

  it('shuts out an old recovery code with the next version', () => {
    const renewed = sealVault(user, 4, contents, { recoverySecret: nodeRandom(32), passwordKey }, nodeRandom);
    expect(openVault(account, renewed, { by: 'recovery', recoverySecret })).toBeNull();
  });
});

describe('recovery codes', () => {
  it('come back, however people type them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
        const code = recoveryCodeOf(secret);
        expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/);
        const typed = code.toLowerCase().replaceAll('-', ' ').replaceAll('1', 'l').replaceAll('0', 'o');
        for (const text of [code, typed, ` ${typed.replaceAll(' ', '')}\n`]) {
          expect(parseRecoveryCode(text)).toEqual(secret);
        }
      }),
    );
  });

  it('are known to be mistyped: any character, any two that changed places, any that is missing', () => {
    const code = recoveryCodeOf(nodeRandom(32)).replaceAll('-', '');
    for (let i = 0; i < code.length; i++) {
      const next = code[i] === 'Z' ? '0' : 'Z';
      expect(parseRecoveryCode(code.slice(0, i) + next + code.slice(i + 1))).toBeNull();
      expect(parseRecoveryCode(code.slice(0, i) + code.slice(i + 1))).toBeNull();
      if (i === 0 || code[i] === code[i - 1]) continue;
      const exchanged = code.slice(0, i - 1) + code[i]! + code[i - 1]! + code.slice(i + 1);
      expect(parseRecoveryCode(exchanged)).toBeNull();
    }
    for (const text of ['', 'U'.repeat(56), `${code}0`, 'nonsense']) expect(parseRecoveryCode(text)).toBeNull();
  });
});
