"""Floor 4: loops, accesses and dependences: facts about source code, proved or marked unknown."""
