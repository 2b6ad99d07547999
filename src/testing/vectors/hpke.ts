/** A run of HPKE in base mode with HKDF-SHA256. Byte strings are hex; long ones are given by their SHA-256. */
export interface HpkeVector {
  readonly source: string;
  readonly kemId: number;
  readonly aeadId: number;
  readonly info: string;
  /** What the receiver's key pair is derived from. */
  readonly ikmR: string;
  readonly skRm: string;
  readonly pkRm: string;
  /** The randomness of the encapsulation. */
  readonly random: string;
  readonly enc: string;
  readonly pt: string;
  /** By sequence number; the associated data is "Count-" and the number. */
  readonly ciphertexts: ReadonlyMap<number, string>;
  readonly exported: readonly (readonly [context: string, value: string])[];
}

const INFO = '4f6465206f6e2061204772656369616e2055726e';
const PLAINTEXT = '4265617574792069732074727574682c20747275746820626561757479';

export const HPKE_VECTORS: readonly HpkeVector[] = [
  {
    source: 'RFC 9180 appendix A.1.1: DHKEM(X25519, HKDF-SHA256), AES-128-GCM',
    kemId: 0x0020,
    aeadId: 1,
    info: INFO,
    ikmR: '6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037',
    skRm: '4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8',
    pkRm: '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d',
    random: '52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736',
    enc: '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431',
    pt: PLAINTEXT,
    ciphertexts: new Map([
      [0, 'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a'],
      [1, 'af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84'],
      [2, '498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a683518973dcc180'],
      [4, '583bd32bc67a5994bb8ceaca813d369bca7b2a42408cddef5e22f880b631215a09fc0012bc69fccaa251c0246d'],
      [255, '7175db9717964058640a3a11fb9007941a5d1757fda1a6935c805c21af32505bf106deefec4a49ac38d71c9e0a'],
      [256, '957f9800542b0b8891badb026d79cc54597cb2d225b54c00c5238c25d05c30e3fbeda97d2e0e1aba483a2df9f2'],
    ]),
    exported: [
      ['', '3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee'],
      ['00', '2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5'],
      ['54657374436f6e74657874', 'e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931'],
    ],
  },
  {
    source: 'RFC 9180 appendix A.2.1: DHKEM(X25519, HKDF-SHA256), ChaCha20-Poly1305',
    kemId: 0x0020,
    aeadId: 3,
    info: INFO,
    ikmR: '1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df',
    skRm: '8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb',
    pkRm: '4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a',
    random: 'f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600',
    enc: '1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a',
    pt: PLAINTEXT,
    ciphertexts: new Map([
      [0, '1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28'],
      [1, '6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c'],
      [2, '71146bd6795ccc9c49ce25dda112a48f202ad220559502cef1f34271e0cb4b02b4f10ecac6f48c32f878fae86b'],
      [4, '63357a2aa291f5a4e5f27db6baa2af8cf77427c7c1a909e0b37214dd47db122bb153495ff0b02e9e54a50dbe16'],
      [255, '18ab939d63ddec9f6ac2b60d61d36a7375d2070c9b683861110757062c52b8880a5f6b3936da9cd6c23ef2a95c'],
      [256, '7a4a13e9ef23978e2c520fd4d2e757514ae160cd0cd05e556ef692370ca53076214c0c40d4c728d6ed9e727a5b'],
    ]),
    exported: [
      ['', '4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e'],
      ['00', '8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69'],
      ['54657374436f6e74657874', '5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53'],
    ],
  },
  {
    source: 'draft-ietf-hpke-pq-04: MLKEM768-X25519, ChaCha20-Poly1305',
    kemId: 0x647a,
    aeadId: 3,
    info: '34663634363532303666366532303631323034373732363536333639363136653230353537323665',
    ikmR: 'b86e76a59fabfc87b30cd7b1f7aaa28a834eb64e7a261c197b9a842893fbce56',
    skRm: '3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630',
    pkRm: 'ad8aaf3f00d8a39bfeec2947a7d5dde68be08bba19bd301a348a45dc5fcc8341',
    random:
      '2a1c0a3745fe8a48fb62034d300f54dfe1974a5b2e169e580a8789cb1cf5fd190fc00f3fd899594e01a8b15334b9f3fa03d8de44da86e19f5776850fb689e6c8',
    enc: '95c0a5fca31ea59f29bbc66255ad6637b5a476b3212886af11afdc8930aeb772',
    pt: '34323635363137353734373932303639373332303734373237353734363832633230373437323735373436383230363236353631373537343739',
    ciphertexts: new Map([
      [
        0,
        'c5c591f99092d5e38df0a52699af249c66f8275a863423c076de8147a53e65cc584041c963b77a7e59ea93841b1339b5efda8909b71f74bb0073ad62e899de310c1566dea2fd29eba377',
      ],
      [
        1,
        'ce339b2b956509cf9a9d3d736e8529f4eb87f27483e0c647869bd1d32c6c95ab3ff3f151abb11f863e5ea7cb852dc0c92346b46ac340ab390f8d3b6bd85d5d2d11c77499e006e36e3699',
      ],
      [
        2,
        '94b291e1575d77fe9ff039079f597baaf6dee9985693ddd21f8d9176aa3405453b29c90aff3588a83688f82e86fce6489fa6fb6a50161cdf546c2a658d5e443ac1f53def7d0d3a512583',
      ],
      [
        4,
        '31c9ffe256d0b90c425d0cd438cc93652319dff3716ed07e73a3aada21ca07d9606917d5b31cfbf5d3ab973492519586319df6dbe9bfdeee6fbdde80f677d44f9c0872cca8a230ae3ab2',
      ],
      [
        9,
        'f582d7aad5e83ea71a76b1b73a468f3170f0647ba3cc433a7e96733eb48f982f0efab7466f417cdfe78c239aef5dfad026dd8dee092cc8899a38a143439d396db4c28a7eca90469e97d7',
      ],
    ]),
    exported: [
      ['70736575646f72616e646f6d30', '5a78d37f40e078c17ef43fa40963f1ff7dcdee56e366da9099dc181c3eccaee5'],
      ['70736575646f72616e646f6d31', '19b8f5e1d7c02e44ad99d8332124b5c71fa9e81c5327ca485054f859e442bde5'],
      ['70736575646f72616e646f6d32', '60c955a15a48ea5f98cb86f54fb13b840c6fb9c676f72b2fb612c4a096ddf796'],
    ],
  },
];
