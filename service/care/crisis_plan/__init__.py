"""The joint crisis plan (E9): a CarePlan of category 736253002 that is active only when every agency agreed to this very text.

The rules, in prose:

- The plan needs its triggers, lead agency, partners, escalation routes and communication plan: the `crisis` dataset,
  answered. The agencies that must agree are its lead agency, each of its `partner-role` and those of its CareTeam.
- Each agency has one Task `agree-plan`, whose focus is one version of the plan. Its owner's agency agrees (`completed`) or not
  (`rejected`, with a reason). An agreement counts while the plan's content is what that version's was.
- Any change of content resets every agreement: the old Tasks are cancelled and new ones go to every agency. Status, meta, the
  narrative and the tie to the dataset's agreement are bookkeeping, not content. What the plan says by its dataset changes only
  with the plan: answers that it refers to are not changed in place.
- The move to active is refused while an agency has not agreed, naming it. Activation gives each agency a Task for its role and
  tells everyone.
"""
