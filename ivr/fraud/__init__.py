"""Card-testing defences of the web side: who tries how many cards, when it is enough, and who lifts that."""
