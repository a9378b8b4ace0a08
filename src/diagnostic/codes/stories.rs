//! Codes of findings about stories.

use crate::diagnostic::entry::codes;

codes! {
    STORIES;

    NO_CRITERIA = "story::no-criteria",
        "A story that is to be run has no acceptance criterion, or a line among them has no box.",
        "Write each criterion as `- [ ] …` below a heading `## Acceptance criteria`.",
        files(["stories/search.md": "---\nid: S-1\ntitle: Search by title\nstatus: ready\n---\n\nFind an entry by its title.\n"]
            => ["stories/search.md": "---\nid: S-1\ntitle: Search by title\nstatus: ready\n---\n\nFind an entry by its title.\n\n## Acceptance criteria\n\n- [ ] A word of a title finds its entry.\n"]);

    DUPLICATE_STORY = "story::duplicate-id",
        "Two stories have the same id, or ids that differ in nothing but capitals and punctuation.",
        "Give one of the two another id.",
        files([
            "stories/search.md": "---\nid: S-1\ntitle: Search by title\n---\n",
            "stories/sort.md": "---\nid: s_1\ntitle: Sort by date\n---\n"
        ] => [
            "stories/search.md": "---\nid: S-1\ntitle: Search by title\n---\n",
            "stories/sort.md": "---\nid: S-2\ntitle: Sort by date\n---\n"
        ]);

    UNKNOWN_STORY = "story::unknown-dependency",
        "A story depends on one that there is not.",
        "Write the id of a story that there is, or take the dependency out.",
        files([
            "stories/search.md": "---\nid: search\ntitle: Search by title\n---\n",
            "stories/sort.md": "---\nid: sort\ntitle: Sort what is found\ndependencies: [serach]\n---\n"
        ] => [
            "stories/search.md": "---\nid: search\ntitle: Search by title\n---\n",
            "stories/sort.md": "---\nid: sort\ntitle: Sort what is found\ndependencies: [search]\n---\n"
        ]);

    STORY_CYCLE = "story::cycle",
        "Stories depend on one another in a circle, so that none of them could be the first.",
        "Take one of these dependencies out.",
        files([
            "stories/search.md": "---\nid: search\ntitle: Search by title\ndependencies: [sort]\n---\n",
            "stories/sort.md": "---\nid: sort\ntitle: Sort what is found\ndependencies: [search]\n---\n"
        ] => [
            "stories/search.md": "---\nid: search\ntitle: Search by title\n---\n",
            "stories/sort.md": "---\nid: sort\ntitle: Sort what is found\ndependencies: [search]\n---\n"
        ]);
}
