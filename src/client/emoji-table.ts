/** Emoji and what they are called, the usual short name first. In the order in which they are offered. */
const TABLE = `
😀 grinning smile happy|😃 smiley|😄 smile_eyes|😁 grin|😆 laughing|😅 sweat_smile|😂 joy tears|🤣 rofl
🙂 slight_smile|🙃 upside_down|😉 wink|😊 blush|😇 innocent halo|🥰 smiling_hearts|😍 heart_eyes|🤩 star_struck
😘 kissing_heart|😋 yum|😛 tongue|😜 winking_tongue|🤪 zany|🤗 hugs|🤭 giggle|🤫 shush|🤔 thinking hmm|🤐 zipper_mouth
🤨 raised_eyebrow|😐 neutral|😑 expressionless|😶 no_mouth|😏 smirk|😒 unamused|🙄 eye_roll|😬 grimacing|😌 relieved
😔 pensive|😪 sleepy|🤤 drooling|😴 sleeping zzz|😷 mask|🤒 thermometer_face|🤕 bandage|🤢 nauseated|🤮 vomiting
🤧 sneezing|🥵 hot|🥶 cold_face|🥴 woozy|😵 dizzy_face|🤯 exploding_head mind_blown|🤠 cowboy|🥳 partying
😎 sunglasses cool|🤓 nerd|🧐 monocle|😕 confused|😟 worried|🙁 slight_frown|😮 open_mouth wow|😯 hushed|😲 astonished
😳 flushed|🥺 pleading|😦 frowning|😧 anguished|😨 fearful|😰 cold_sweat|😥 sad_relieved|😢 cry sad|😭 sob|😱 scream
😖 confounded|😣 persevere|😞 disappointed|😓 sweat|😩 weary|😫 tired|🥱 yawning|😤 triumph|😡 rage|😠 angry
🤬 cursing|😈 smiling_imp|💀 skull|💩 poop|🤡 clown|👻 ghost|👽 alien|🤖 robot|🎃 pumpkin|👋 wave hello bye
🤚 raised_back_of_hand|🖐 hand_splayed|✋ raised_hand|🖖 vulcan|👌 ok_hand|🤌 pinched_fingers|🤏 pinching
✌️ victory peace|🤞 crossed_fingers luck|🤟 love_you|🤘 metal rock|🤙 call_me|👈 point_left|👉 point_right|👆 point_up
👇 point_down|👍 +1 thumbsup yes like|👎 -1 thumbsdown no|✊ fist|👊 punch|👏 clap applause|🙌 raised_hands hooray
👐 open_hands|🤝 handshake deal|🙏 pray thanks please|✍️ writing|💪 muscle strong|🧠 brain|👀 eyes look|👁 eye
🗣 speaking|👤 person|👥 people|🤷 shrug|🤦 facepalm|🙋 raising_hand|🙇 bow|💁 tipping_hand|🙅 no_good|🙆 ok_person
🧑‍💻 technologist coder|🧑‍🔬 scientist|🧑‍🚀 astronaut|🧑‍🍳 cook|🧑‍🎨 artist|🦸 superhero|🧙 mage|🧟 zombie
🏃 running|🚶 walking|💃 dancer|🕺 man_dancing|👶 baby|👪 family|❤️ heart love|🧡 orange_heart|💛 yellow_heart
💚 green_heart|💙 blue_heart|💜 purple_heart|🖤 black_heart|🤍 white_heart|💔 broken_heart|💕 two_hearts
💖 sparkling_heart|💯 100|💢 anger|💥 boom collision|💫 dizzy|💦 sweat_drops|💨 dash|💬 speech_balloon
💭 thought_balloon|💤 zzz_sleep|🔥 fire|✨ sparkles|⭐ star|🌟 glowing_star|⚡ zap lightning|☀️ sun|🌤 partly_sunny
☁️ cloud|🌧 rain|⛈ thunderstorm|❄️ snowflake|🌈 rainbow|🌊 wave_water|🌍 earth world|🌙 moon|🌱 seedling|🌲 evergreen
🌳 tree|🌵 cactus|🌸 cherry_blossom|🌹 rose|🌻 sunflower|🍀 four_leaf_clover|🍁 maple_leaf|🍄 mushroom|🐶 dog|🐱 cat
🐭 mouse|🐰 rabbit|🦊 fox|🐻 bear|🐼 panda|🐨 koala|🐯 tiger|🦁 lion|🐮 cow|🐷 pig|🐸 frog|🐵 monkey|🙈 see_no_evil
🙉 hear_no_evil|🙊 speak_no_evil|🐔 chicken|🐧 penguin|🐦 bird|🦆 duck|🦉 owl|🦄 unicorn|🐝 bee|🐛 bug|🦋 butterfly
🐌 snail|🐢 turtle|🐍 snake|🐙 octopus|🦀 crab|🐳 whale|🐬 dolphin|🐟 fish|🐘 elephant|🦒 giraffe|🐴 horse|🦔 hedgehog
🍎 apple|🍐 pear|🍊 tangerine|🍋 lemon|🍌 banana|🍉 watermelon|🍇 grapes|🍓 strawberry|🍒 cherries|🍑 peach|🥑 avocado
🍅 tomato|🥕 carrot|🌽 corn|🥔 potato|🍞 bread|🥐 croissant|🧀 cheese|🥚 egg|🥞 pancakes|🥓 bacon|🍔 hamburger
🍟 fries|🍕 pizza|🌭 hotdog|🌮 taco|🥗 salad|🍝 spaghetti|🍜 ramen|🍣 sushi|🍦 ice_cream|🍩 doughnut|🍪 cookie
🎂 birthday cake|🍫 chocolate|🍿 popcorn|☕ coffee|🍵 tea|🥛 milk|🍺 beer|🍻 beers cheers|🍷 wine|🥂 champagne
🍸 cocktail|🍾 bottle|🍴 fork_and_knife|⚽ soccer|🏀 basketball|🏈 football|🎾 tennis|🏐 volleyball|🏆 trophy
🥇 gold first|🥈 silver|🥉 bronze|🎯 dart target|🎮 video_game|🎲 dice|🧩 puzzle|♟ chess|🎨 art|🎬 clapper
🎤 microphone|🎧 headphones|🎸 guitar|🎹 piano|🥁 drum|🎉 tada party|🎊 confetti|🎈 balloon|🎁 gift present
🎄 christmas_tree|🎆 fireworks|🚗 car|🚕 taxi|🚌 bus|🚲 bike|🚂 train|✈️ airplane|🚀 rocket ship_it|🛸 ufo
🚁 helicopter|⛵ sailboat|🚢 ship|🏠 house home|🏢 office|🏥 hospital|🏫 school|⛺ tent|🗽 liberty|🗺 map|🏔 mountain
🏖 beach|⌚ watch|📱 phone|💻 laptop|⌨️ keyboard|🖥 desktop|🖨 printer|💾 floppy|📷 camera|📺 tv|🔋 battery|🔌 plug
💡 bulb idea|🔦 flashlight|🕯 candle|💰 moneybag|💳 credit_card|💎 gem|🔧 wrench|🔨 hammer|⚙️ gear|🧰 toolbox
🔬 microscope|🔭 telescope|💊 pill|🧪 test_tube|🧬 dna|🚪 door|🛏 bed|🛒 cart|🚿 shower|🧹 broom|🧻 toilet_paper
✉️ envelope|📧 email|📦 package|📝 memo note|📄 page|📊 bar_chart|📈 chart_up|📉 chart_down|📅 calendar|📌 pushpin
📎 paperclip|✂️ scissors|📁 folder|📚 books|📖 book|🔖 bookmark|🔗 link|🗑 wastebasket|🔒 lock|🔓 unlock|🔑 key
🛡 shield|🔍 mag search|🔔 bell|🔕 no_bell|📣 mega|⏰ alarm|⏳ hourglass|⌛ hourglass_done|✅ white_check_mark done
☑️ ballot_check|✔️ check|❌ x cross|❎ negative_cross|➕ plus|➖ minus|❓ question|❗ exclamation|‼️ bangbang|⚠️ warning
🚫 no_entry_sign|⛔ no_entry|🆗 ok|🆕 new|🔴 red_circle|🟠 orange_circle|🟡 yellow_circle|🟢 green_circle
🔵 blue_circle|🟣 purple_circle|⚫ black_circle|⚪ white_circle|🏁 checkered_flag|🚩 flag|🏳️‍🌈 rainbow_flag|♻️ recycle
🔄 arrows_counterclockwise|▶️ play|⏸ pause|⏹ stop|➡️ arrow_right|⬅️ arrow_left|⬆️ arrow_up|⬇️ arrow_down|🔝 top
🔜 soon|♾ infinity|©️ copyright|®️ registered|™️ tm
`;

export interface Emoji {
  readonly emoji: string;
  /** The usual one first. */
  readonly names: readonly string[];
}

const EMOJI: readonly Emoji[] = TABLE.trim()
  .split(/[\n|]/)
  .map((text) => {
    const [emoji = '', ...names] = text.split(' ');
    return { emoji, names };
  });

const BY_NAME = new Map(EMOJI.flatMap(({ emoji, names }) => names.map((name) => [name, emoji] as const)));

/** Those with a name that begins like this, then those with a word in a name that does; all for an empty text. */
export function findEmoji(query: string, countMax: number): readonly Emoji[] {
  const wanted = query
    .trim()
    .toLowerCase()
    .replaceAll(/[\s:]+/g, '_');
  if (wanted === '') return EMOJI.slice(0, countMax);
  const first = EMOJI.filter(({ names }) => names.some((name) => name.startsWith(wanted)));
  const second = EMOJI.filter((one) => !first.includes(one) && one.names.some((name) => name.includes(`_${wanted}`)));
  return [...first, ...second].slice(0, countMax);
}

/** With the emoji in the place of every `:name:` that is one; not inside of code. */
export function withEmoji(text: string): string {
  return text
    .split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/)
    .map((part, i) =>
      i % 2 === 1 ? part : part.replaceAll(/:([a-z0-9_+-]{1,32}):/g, (all, name: string) => BY_NAME.get(name) ?? all),
    )
    .join('');
}
