"""The joint crisis plan (E9): a CarePlan of category 736253002 that is active only when every agency agreed to its content.

The rules, in prose:

- The plan needs its triggers, lead agency, partners, escalation routes and communication plan: the `crisis` dataset,
  answered. The agencies that must agree are its lead agency, each of its `partner-role` and those of its CareTeam.
- Each agency has one Task `agree-plan`, whose focus is one version of the plan. The agency of the Task's owner agrees
  (`completed`) or does not (`rejected`, with a reason). An agreement counts while the plan's content equals the content of the
  version that the Task names, and while every record that the plan rests on (its goals, problems, activities and supporting
  information) stands in the version that the Task names.
- Any change of content resets every agreement: the old Tasks are cancelled and new Tasks go to every agency. Status, meta, the
  narrative and each partner's reference to its agreement are bookkeeping, not content. The dataset's answers are part of the
  plan: answers to which the plan refers change only with the plan, never in place.
- The move to active is refused while an agency has not agreed; the refusal names that agency. Activation gives each agency a Task
  for its role and tells every agency.
"""
