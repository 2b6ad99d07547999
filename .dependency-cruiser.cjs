// Who may import whom: the layering table of docs/ARCHITECTURE.md, so that the picture cannot rot.
const only = (from, allowed, comment) => ({
  name: `${from}-imports`,
  comment,
  severity: 'error',
  from: { path: `^src/${from}/`, pathNot: '(\\.test\\.ts$|^src/web/testing/)' },
  to: { path: '^src/', pathNot: `^src/(${[from, ...allowed].join('|')})/` },
});
const driver = (pkg, owners) => ({
  name: `only-one-adapter-imports-${pkg.replaceAll(/\W/g, '-')}`,
  severity: 'error',
  from: { path: '^(src|scripts|bench)/', pathNot: owners },
  to: { path: `^node_modules/${pkg}/` },
});
// What decrypts conversation content, or holds its keys.
const DECRYPTS = '^src/crypto/(conversation|hpke|vault|mls/member)';
// What sees passwords.
const KNOWS_PASSWORDS = '^src/crypto/opaque-client';

module.exports = {
  forbidden: [
    only('protocol', [], 'The vocabulary imports nothing of ours.'),
    only('consensus', [], 'The core imports nothing of ours.'),
    only('chat', ['protocol', 'crypto'], 'Pure state machine.'),
    only('crypto', ['protocol'], 'Pure cryptography.'),
    only('node', ['consensus', 'chat', 'protocol', 'crypto'], 'The composition root knows no API and no client.'),
    only('client', ['crypto', 'protocol'], 'Clients know nodes only by their API.'),
    only('web', ['client', 'protocol'], 'The web app stands on the client engine.'),
    only('testing', ['consensus', 'chat', 'protocol', 'crypto', 'node', 'client'], 'Simulator and contract suites.'),
    {
      name: 'nothing-imports-web',
      comment: 'The web app is what browsers run; nothing else does.',
      severity: 'error',
      from: { path: '^(src/(?!web/)|scripts/|bench/)' },
      to: { path: '^src/web/' },
    },
    {
      name: 'api-imports',
      comment: 'The API sees the node through its ports, and state through chat queries.',
      severity: 'error',
      from: { path: '^src/api/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(api/|protocol/|crypto/|chat/queries|chat/ports|node/ports)' },
    },
    {
      name: 'cli-imports',
      comment: 'Programs stand on the client; only chatd builds a node.',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '(^src/cli/chatd|\\.test\\.ts$)' },
      to: { path: '^src/', pathNot: '^src/(cli/|client/|protocol/|crypto/node-)' },
    },
    {
      name: 'servers-cannot-decrypt',
      comment: 'End-to-end encryption as an import rule.',
      severity: 'error',
      from: { path: '^src/(chat|node|api)/', pathNot: '\\.test\\.ts$' },
      to: { path: DECRYPTS, reachable: true },
    },
    {
      name: 'servers-see-no-passwords',
      comment: 'Nodes have the other half of OPAQUE.',
      severity: 'error',
      from: { path: '^src/(chat|node|api)/', pathNot: '\\.test\\.ts$' },
      to: { path: KNOWS_PASSWORDS, reachable: true },
    },
    {
      name: 'mls-in-public-knows-no-secrets',
      comment: 'What an observer of MLS groups needs reaches nothing that decrypts.',
      severity: 'error',
      from: { path: '^src/crypto/mls/', pathNot: '(^src/crypto/mls/member/|\\.test\\.ts$)' },
      to: { path: DECRYPTS, reachable: true },
    },
    {
      name: 'pure-folders-know-no-node',
      severity: 'error',
      from: { path: '^src/(protocol|consensus|chat|crypto|client)/', pathNot: '(\\.test\\.ts$|^src/crypto/node-)' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'consensus-knows-no-package',
      severity: 'error',
      from: { path: '^src/consensus/', pathNot: '\\.test\\.ts$' },
      to: { path: '^node_modules/' },
    },
    {
      name: 'nothing-imports-testing',
      severity: 'error',
      from: { path: '^src/', pathNot: '(^src/(web/)?testing/|\\.test\\.ts$)' },
      to: { path: '^(src/testing|scripts|bench|test)/' },
    },
    {
      name: 'verbs-start-without-the-terminal-app',
      comment: 'It is loaded when somebody opens it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/terminal-app/' },
      to: { path: '^src/cli/terminal-app/', dependencyTypesNot: ['dynamic-import'] },
    },
    {
      name: 'what-the-terminal-app-draws-is-pure',
      comment: 'What is typed and drawn is computed from what is known; only its screen, files and start touch the system.',
      severity: 'error',
      from: { path: '^src/cli/terminal-app/(composer|view|actions)/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    driver('nats', '^(src/node/transport/|scripts/chaos/fuzz/frame-world)'),
    driver('(level|classic-level|abstract-level)', '^src/(node/store|cli/store)/'),
    driver('@?fastify', '^src/api/'),
    driver('svelte', '^src/web/'),
    driver('string-width', '^src/cli/terminal-app/screen/'),
    driver('commander', '^src/cli/'),
    driver('@serenity-kit', '^src/crypto/opaque-'),
    driver('prom-client', '^src/api/metrics/'),
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphan-resolution', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^svelte/internal/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
