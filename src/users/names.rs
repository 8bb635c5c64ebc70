//! The words that users are made of. Changing any of them changes every data set: the fingerprints
//! of old runs would no longer match.

/// Given names. With [`LAST_NAMES`] they make 100,000 pairs, one for each user of the default data
/// set.
#[rustfmt::skip]
pub(super) const FIRST_NAMES: [&str; 250] = [
    "james", "mary", "robert", "patricia", "john", "jennifer", "michael", "linda", "david", "elizabeth",
    "william", "barbara", "richard", "susan", "joseph", "jessica", "thomas", "sarah", "charles", "karen",
    "christopher", "lisa", "daniel", "nancy", "matthew", "betty", "anthony", "margaret", "mark", "sandra",
    "donald", "ashley", "steven", "kimberly", "paul", "emily", "andrew", "donna", "joshua", "michelle",
    "kenneth", "carol", "kevin", "amanda", "brian", "melissa", "george", "deborah", "timothy", "stephanie",
    "ronald", "rebecca", "edward", "sharon", "jason", "laura", "jeffrey", "cynthia", "ryan", "dorothy",
    "jacob", "amy", "gary", "kathleen", "nicholas", "angela", "eric", "shirley", "jonathan", "emma",
    "stephen", "brenda", "larry", "pamela", "justin", "nicole", "scott", "anna", "brandon", "samantha",
    "benjamin", "katherine", "samuel", "christine", "gregory", "debra", "alexander", "rachel", "patrick",
    "carolyn", "frank", "janet", "raymond", "maria", "jack", "olivia", "dennis", "heather", "jerry",
    "helen", "tyler", "catherine", "aaron", "diane", "jose", "julie", "adam", "victoria", "nathan", "joyce",
    "henry", "lauren", "zachary", "kelly", "douglas", "christina", "peter", "ruth", "kyle", "joan", "noah",
    "virginia", "ethan", "judith", "jeremy", "evelyn", "walter", "hannah", "christian", "andrea", "keith",
    "megan", "roger", "cheryl", "terry", "jacqueline", "austin", "madison", "sean", "teresa", "gerald",
    "abigail", "carl", "sophia", "harold", "martha", "dylan", "sara", "arthur", "gloria", "lawrence",
    "janice", "jordan", "kathryn", "jesse", "ann", "bryan", "isabella", "billy", "judy", "lucas", "tiffany",
    "hiroshi", "yuki", "kenji", "aiko", "wei", "mei", "jun", "lin", "hao", "xin", "ravi", "priya", "arjun",
    "ananya", "sanjay", "deepa", "vikram", "lakshmi", "amit", "neha", "omar", "fatima", "hassan", "layla",
    "yusuf", "amina", "khalid", "zainab", "tariq", "noor", "lars", "ingrid", "sven", "astrid", "erik",
    "freja", "nils", "karin", "bjorn", "sigrid", "pierre", "camille", "luc", "amelie", "hugo", "chloe",
    "mathieu", "elodie", "antoine", "margaux", "hans", "greta", "klaus", "heidi", "jurgen", "petra",
    "dieter", "ursula", "matteo", "giulia", "luca", "chiara", "marco", "francesca", "diego", "lucia",
    "carlos", "elena", "pablo", "carmen", "ivan", "olga", "dmitri", "svetlana", "mikhail", "natasha",
    "pavel", "irina", "kwame", "ama", "kofi", "abena", "chidi", "ngozi", "tunde", "amara", "thabo", "zola",
];

#[rustfmt::skip]
pub(super) const LAST_NAMES: [&str; 400] = [
    "smith", "johnson", "williams", "brown", "jones", "garcia", "miller", "davis", "rodriguez", "martinez",
    "hernandez", "lopez", "gonzalez", "wilson", "anderson", "thomas", "taylor", "moore", "jackson",
    "martin", "lee", "perez", "thompson", "white", "harris", "sanchez", "clark", "ramirez", "lewis",
    "robinson", "walker", "young", "allen", "king", "wright", "scott", "torres", "nguyen", "hill", "flores",
    "green", "adams", "nelson", "baker", "hall", "rivera", "campbell", "mitchell", "carter", "roberts",
    "gomez", "phillips", "evans", "turner", "diaz", "parker", "cruz", "edwards", "collins", "reyes",
    "stewart", "morris", "morales", "murphy", "cook", "rogers", "gutierrez", "ortiz", "morgan", "cooper",
    "peterson", "bailey", "reed", "kelly", "howard", "ramos", "kim", "cox", "ward", "richardson", "watson",
    "brooks", "chavez", "wood", "bennett", "gray", "mendoza", "ruiz", "hughes", "price", "alvarez",
    "castillo", "sanders", "patel", "myers", "long", "ross", "foster", "jimenez", "powell", "jenkins",
    "perry", "russell", "sullivan", "bell", "coleman", "butler", "henderson", "barnes", "gonzales",
    "fisher", "vasquez", "simmons", "graham", "murray", "ford", "castro", "hamilton", "marshall", "owens",
    "harrison", "fernandez", "woods", "washington", "kennedy", "wells", "vargas", "henry", "chen",
    "freeman", "webb", "tucker", "guzman", "burns", "crawford", "olson", "simpson", "porter", "hunter",
    "gordon", "mendez", "silva", "shaw", "snyder", "mason", "dixon", "munoz", "hunt", "hicks", "holmes",
    "palmer", "wagner", "black", "robertson", "boyd", "rose", "stone", "salazar", "fox", "warren", "mills",
    "meyer", "rice", "schmidt", "garza", "daniels", "ferguson", "nichols", "stephens", "soto", "weaver",
    "ryan", "gardner", "payne", "grant", "dunn", "kelley", "spencer", "hawkins", "arnold", "pierce",
    "hansen", "peters", "santos", "hart", "bradley", "knight", "elliott", "cunningham", "duncan",
    "armstrong", "hudson", "carroll", "lane", "riley", "andrews", "alvarado", "ray", "delgado", "berry",
    "perkins", "hoffman", "johnston", "matthews", "pena", "richards", "contreras", "willis", "carpenter",
    "lawrence", "sandoval", "guerrero", "george", "chapman", "rios", "estrada", "ortega", "watkins",
    "greene", "nunez", "wheeler", "valdez", "harper", "burke", "larson", "santiago", "maldonado",
    "morrison", "franklin", "carlson", "austin", "dominguez", "carr", "lawson", "jacobs", "obrien", "lynch",
    "singh", "vega", "bishop", "montgomery", "oliver", "jensen", "harvey", "williamson", "gilbert", "dean",
    "sims", "espinoza", "howell", "li", "wong", "reid", "hanson", "le", "mccoy", "garrett", "burton",
    "fuller", "wang", "weber", "welch", "rojas", "lucas", "marquez", "fields", "park", "yang", "little",
    "banks", "padilla", "day", "walsh", "bowman", "schultz", "luna", "fowler", "mejia", "davidson",
    "acosta", "brewer", "may", "holland", "juarez", "newman", "pearson", "curtis", "cortez", "douglas",
    "schneider", "joseph", "barrett", "navarro", "figueroa", "keller", "avila", "wade", "molina", "stanley",
    "hopkins", "campos", "barnett", "bates", "chambers", "caldwell", "beck", "lambert", "miranda", "byrd",
    "craig", "ayala", "lowe", "frazier", "powers", "neal", "leonard", "gregory", "carrillo", "sutton",
    "fleming", "rhodes", "shelton", "schwartz", "norris", "jennings", "watts", "duran", "walters", "cohen",
    "mcdaniel", "moran", "parks", "steele", "vaughn", "becker", "holt", "deleon", "barker", "terry", "hale",
    "leon", "hail", "benson", "haynes", "horton", "miles", "lyons", "pham", "graves", "bush", "thornton",
    "wolfe", "warner", "cabrera", "mckinney", "mann", "zimmerman", "dawson", "lara", "fletcher", "page",
    "mccarthy", "love", "robles", "cervantes", "solis", "erickson", "reeves", "chang", "klein", "salinas",
    "fuentes", "baldwin", "daniel", "simon", "velasquez", "hardy", "higgins", "aguirre", "lin", "cummings",
    "chandler", "sharp", "barber", "bowen", "ochoa", "dennis", "robbins", "liu", "ramsey", "francis",
    "griffith", "paul", "blair", "oconnor", "cardenas", "pacheco", "cross", "calderon", "quinn",
];

/// E-mail domains with their weights: a few large providers, many small ones. All end in the
/// reserved `.example` (RFC 2606), so that no real mailbox is ever named.
#[rustfmt::skip]
pub(super) const DOMAINS: [(&str, u32); 48] = [
    ("postbox.example", 1600), ("letterbird.example", 1250), ("mailhaven.example", 980), ("quickmail.example", 800),
    ("inboxly.example", 660), ("bluemail.example", 540), ("sunmail.example", 450), ("homepost.example", 380),
    ("cloudletter.example", 320), ("webpost.example", 275), ("mailriver.example", 240), ("openmail.example", 210),
    ("citymail.example", 185), ("greenpost.example", 165), ("fastletter.example", 148), ("paperplane.example", 133),
    ("northmail.example", 120), ("mailworks.example", 109), ("stampless.example", 99), ("carrierpigeon.example", 91),
    ("mailgarden.example", 83), ("pinepost.example", 77), ("riverline.example", 71), ("univ-north.example", 66),
    ("univ-south.example", 61), ("techcollege.example", 57), ("harborworks.example", 53), ("silverline.example", 50),
    ("oakandsons.example", 47), ("brightlabs.example", 44), ("cityhospital.example", 41), ("redbrick.example", 39),
    ("lakeside.example", 37), ("fieldstone.example", 35), ("copperleaf.example", 33), ("westbridge.example", 31),
    ("nightowl.example", 30), ("orchardgroup.example", 28), ("tidewater.example", 27), ("skylark.example", 26),
    ("ironworks.example", 25), ("maplestreet.example", 24), ("foxglove.example", 23), ("quarry.example", 22),
    ("windmill.example", 21), ("driftwood.example", 20), ("thistle.example", 19), ("juniper.example", 18),
];
