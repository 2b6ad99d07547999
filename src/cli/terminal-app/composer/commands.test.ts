import { describe, expect, it } from 'vitest';
import { COMMAND_LIST, typedIn } from './commands.ts';

describe('what is in the composer when it is sent', () => {
  it.each([
    ['hello', { is: 'text', text: 'hello' }],
    ['//etc is a folder', { is: 'text', text: '/etc is a folder' }],
    ['/etc/passwd is a file', { is: 'text', text: '/etc/passwd is a file' }],
    ['/open @bob', { is: 'command', name: 'open', words: ['@bob'] }],
    ['/open two words', { is: 'command', name: 'open', words: ['two words'] }],
    ['/reply 12  so it is ', { is: 'command', name: 'reply', words: ['12', 'so it is'] }],
    ['/save 3', { is: 'command', name: 'save', words: ['3'] }],
    ['/people', { is: 'command', name: 'people', words: [] }],
    ['/new garden @bob @cay', { is: 'command', name: 'new', words: ['garden', '@bob @cay'] }],
  ])('%j', (text, expected) => expect(typedIn(text)).toEqual(expected));

  it.each(['/nothing', '/', '/open', '/reply 3', '/quit now'])('%j is a mistake, and is not sent', (text) => {
    expect(typedIn(text).is).toBe('mistake');
  });

  it('has a help text and a usage that agrees for every command', () => {
    for (const { name, usage, help, words } of COMMAND_LIST) {
      expect(help, name).not.toBe('');
      expect(usage === '', name).toBe(words[1] === 0);
    }
  });
});
